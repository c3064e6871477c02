// stages.cpp: zone C. The stages of approvers after the first: read from JSON, stored, told.
#include "core/quorum.hpp"

#include "api/json_terms.hpp"
#include "api/stages.hpp"
#include "pg/json.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace json = pg::json;
namespace spi = pg::spi;

namespace terms {

namespace {

constexpr int max_approvals = 100;

struct Reading {
    Stage *stages;
    int count;
    Stage current;
};

void read_key(const json_terms::Place &place, const JsonbValue &value, void *arg)
{
    auto *reading = static_cast<Reading *>(arg);
    if (strcmp(place.key, "approvers") == 0)
        reading->current.approvers = json_terms::roles(place, value);
    else if (strcmp(place.key, "approvals") == 0)
        reading->current.approvals = json_terms::number(place, value, 1, max_approvals);
    else
        json_terms::unknown_key(place, "approvers, approvals");
}

void end_stage(const json_terms::Place &place, void *arg)
{
    auto *reading = static_cast<Reading *>(arg);
    if (reading->current.approvers.count == 0)
        json_terms::bad(place, "a stage needs approvers", "Write {\"approvers\": [\"role\"], \"approvals\": 1}.");
    reading->stages[reading->count++] = reading->current;
    reading->current = {{}, 1};
}

} // namespace

void read_stages(Datum jsonb, Terms *terms)
{
    constexpr int most = static_cast<int>(core::max_stages) - 1;
    Reading reading{static_cast<Stage *>(palloc0(sizeof(Stage) * most)), 0, {{}, 1}};
    json_terms::read(jsonb, "stages", most, read_key, end_stage, &reading);
    terms->stages = reading.stages;
    terms->stage_count = reading.count;
}

char *stages_json(const Terms &terms)
{
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfoChar(&out, '[');
    for (int i = 0; i < terms.stage_count; i++)
        appendStringInfo(&out, "%s{\"approvers\": %s, \"approvals\": %d}", i > 0 ? ", " : "",
                         json_terms::roles_json(terms.stages[i].approvers), terms.stages[i].approvals);
    appendStringInfoChar(&out, ']');
    return out.data;
}

namespace {

constexpr spi::Sql stages_of{"SELECT s.approvers, s.approvals FROM jit.stages s WHERE s.policy_id = $1 ORDER BY s.stage", 1, {INT4OID}};
constexpr spi::Sql delete_stages{"DELETE FROM jit.stages WHERE policy_id = $1", 1, {INT4OID}};
constexpr spi::Sql insert_stage{"INSERT INTO jit.stages (policy_id, stage, approvers, approvals) VALUES ($1, $2, $3, $4)",
                                4,
                                {INT4OID, INT4OID, REGROLEARRAYOID, INT4OID}};

} // namespace

void load_stages(Terms *terms)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(terms->policy_id));
    const auto rows = static_cast<Size>(spi::execute(stages_of, args));
    terms->stages = static_cast<Stage *>(palloc0(sizeof(Stage) * (rows + 1)));
    terms->stage_count = static_cast<int>(rows);
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        terms->stages[row].approvers =
            roles_of(PointerGetDatum(DatumGetArrayTypePCopy(spi::value(row, 1, &is_null))), "a stage");
        terms->stages[row].approvals = DatumGetInt32(spi::value(row, 2, &is_null));
    }
}

void erase_stages(int32 policy_id)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy_id));
    (void) spi::execute(delete_stages, args);
}

void store_stages(const Terms &terms)
{
    erase_stages(terms.policy_id);
    for (int i = 0; i < terms.stage_count; i++) {
        spi::Args args{};
        spi::add(&args, Int32GetDatum(terms.policy_id));
        spi::add(&args, Int32GetDatum(i + 2));
        spi::add(&args, array_of(terms.stages[i].approvers));
        spi::add(&args, Int32GetDatum(terms.stages[i].approvals));
        (void) spi::execute(insert_stage, args);
    }
}

} // namespace terms

namespace stages {

Stage at(const Terms &policy, int number)
{
    return number == 1 ? Stage{policy.approvers, policy.approvals} : policy.stages[number - 2];
}

} // namespace stages

} // namespace jit::api
