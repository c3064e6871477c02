// authors.cpp: zone C. Reads the definitions of views and policies; only where somebody else's text is in the statement.

#include "hooks/authors.hpp"

#include "hooks/barriers.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "pg/compat.hpp"
#include "pg/rights.hpp"
#include "pg/views.hpp"

extern "C" {
#include "access/htup_details.h"
}

namespace jit::hooks::authors {

namespace {

// Does the text read the relation, by itself or by way of other texts in the statement? Mallory's view of the owner's view
// shows the owner's rows to Mallory's functions.
bool reaches(Oid holder, const Access &access)
{
    auto *seen = static_cast<bool *>(palloc0(access.texts.size() + 1));
    List *open = list_make1_oid(holder);
    while (open != NIL) {
        const Oid text = linitial_oid(open);
        open = list_delete_first(open);
        if (pg::views::text_reads(text, access.relid) || (OidIsValid(access.below) && pg::views::text_reads(text, access.below)))
            return true;
        if (switches::off("text_chains"))
            continue;
        for (std::size_t i = 0; i < access.texts.size(); i++)
            if (!seen[i] && access.texts[i].holder != text && pg::views::text_reads(text, access.texts[i].holder)) {
                seen[i] = true;
                open = lappend_oid(open, access.texts[i].holder);
            }
    }
    return false;
}

} // namespace

Oid owner_of(Oid relid)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
    if (!HeapTupleIsValid(tuple))
        return InvalidOid;
    const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
}

std::span<const OwnersText> in(const PlannedStmt *plan)
{
    List *const permissions = pg::compat::permissions_of(plan);
    OwnersText *texts = nullptr;
    std::size_t count = 0;
    bool has_signature = false;
    ListCell *cell;
    foreach (cell, plan->rtable) {
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        const Oid relid = rte->rtekind == RTE_RELATION ? rte->relid : pg::compat::view_of_subquery(rte);
        if (!OidIsValid(relid) || !pg::memo::has_text(relid))
            continue;
        if (texts == nullptr) {
            texts = static_cast<OwnersText *>(palloc(sizeof(OwnersText) * static_cast<Size>(list_length(plan->rtable))));
            has_signature = barriers::is_signed(plan);
        }
        texts[count++] = {relid, pg::compat::wanted(rte, permissions).check_as, rte->security_barrier && has_signature};
    }
    return {texts, count};
}

Oid untrusted(const Access &access, Oid object_owner, TimestampTz now)
{
    if (switches::off("unsigned_text"))
        return InvalidOid;
    for (const OwnersText &text : access.texts) {
        const Oid author = text.is_function ? owner_of_object(core::class_function, text.holder) : owner_of(text.holder);
        const bool trusts_author = owner_stack::is_trusted(author, object_owner);
        if (access.object_class != core::class_relation) {
            // What a text calls was found by whoever gathered the texts.
            if (!trusts_author && !OidIsValid(access.check_as))
                return author;
            continue;
        }
        const bool trusts_voice = !OidIsValid(text.voice) || owner_stack::is_trusted(text.voice, object_owner);
        if ((trusts_author || text.holder == access.relid) && trusts_voice)
            continue;
        if (!reaches(text.holder, access) || (trusts_voice && pg::rights::opens(text.holder, now).request != 0))
            continue;
        return trusts_voice ? author : text.voice;
    }
    return InvalidOid;
}

} // namespace jit::hooks::authors
