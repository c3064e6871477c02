// planted.hpp: zone C. What a session to which a role is lent leaves behind. A loan ends; a definer function, a trigger, a
// grant or a publication that was made with it would go on serving somebody. Such things need an approval that names them,
// and everything that such a session makes, changes or drops is an event.
#pragma once

#include "pg/loans.hpp"
#include "pg/session.hpp"

extern "C" {
#include "catalog/objectaccess.h"
}

namespace jit::hooks::planted {

using Loan = pg::shared::Loan;

// The loan that the session's person holds now; nullptr: none, and nothing here concerns the session.
[[nodiscard]] const Loan *look_for_loan();
[[nodiscard]] inline const Loan *loan()
{
    return pg::session::is_worker() || pg::loans::is_quiet(pg::session::person()) ? nullptr : look_for_loan();
}

// Before a command: raises when it plants something that no approval names. After cluster::check().
void check_command_under(const Loan &loan, Node *parsetree, const char *statement);
inline void check_command(Node *parsetree, const char *statement)
{
    if (const Loan *const held = loan())
        check_command_under(*held, parsetree, statement);
}
// From object_access: what the command really made; the same.
void reached_under(const Loan &loan, ObjectAccessType access, Oid class_id, Oid object, int sub_id, void *argument);
// Rows of a system catalog are about to be written, or a function of the server with such power to be called.
void check_server_action(core::Action action, const char *statement);

// ---- what is in planted.cpp, for its other half planted_objects.cpp ----

// One way in which an approval may name what is planted.
struct Name {
    char object_class;
    Oid object;
    core::Actions any_of;
};
// Raises unless an approval in force names it in one of these ways. The first way is what the refusal speaks of.
void require(const Loan &loan, std::span<const Name> ways, const char *statement);

// ---- the event, planted_events.cpp ----

struct Frame {
    int start; // of what this command leaves behind; -1: no role is lent
    const char *command;
    int outer; // where the frame around it starts
};
[[nodiscard]] Frame begin(Node *parsetree, bool is_part); // after the checks; is_part: of a command around it
void finish(const Frame &frame);            // the command is done: writes the event
void forget(const Frame &frame);            // it failed
enum class Did : uint8 { made, changed, dropped };
void note(Did did, Oid class_id, Oid object);

} // namespace jit::hooks::planted
