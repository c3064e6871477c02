// scope.cpp: zone C. From the words of a policy or request to action bits and OIDs, and back.
#include "api/scope.hpp"

#include "pg/canonical.hpp"
#include "pg/catalog.hpp"

extern "C" {
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
}

namespace jit::api {

namespace canonical = pg::canonical;
namespace catalog = pg::catalog;

namespace {

char *copy_of(std::string_view text) { return pnstrdup(text.data(), text.size()); }

[[noreturn]] void unknown_action(const char *word)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown action \"%s\"", clipped(word)),
                    errdetail("Actions are privileges (SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, "
                              "MAINTAIN, EXECUTE, USAGE, CREATE), command tags (ALTER TABLE, CREATE INDEX, ...) and groups."),
                    errhint("Groups are READ, WRITE, DDL, PRIVILEGE, ADMIN, EXPORT and ALL.")));
    pg_unreachable();
}

[[noreturn]] void later_action(const char *word)
{
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("action \"%s\" is not guarded by this version of jit_guard", clipped(word)),
                    errdetail("It acts on a kind of object that has no guards, or on none."),
                    errhint("Leave it out, or put the command behind a role and use elevates_to.")));
    pg_unreachable();
}

} // namespace

core::Actions actions_of(const Words &words, Report report, core::Actions meant)
{
    core::Actions all = 0;
    for (int i = 0; i < words.count; i++) {
        const core::Word word = core::parse_action(words.items[i]);
        switch (word.kind) {
            case core::WordKind::unknown: unknown_action(words.items[i]);
            case core::WordKind::later:   later_action(words.items[i]);
            case core::WordKind::expanded:
                if (report == Report::notices)
                    ereport(NOTICE, (errmsg("action \"%s\" is guarded as %s", clipped(words.items[i]),
                                            word_list(words_of_actions(word.actions)))));
                break;
            case core::WordKind::group:
                if (word.actions != core::all_actions)
                    all |= word.actions & meant;
                else
                    all |= word.actions;
                continue;
            case core::WordKind::action: break;
        }
        all |= word.actions;
    }
    return all;
}

Words words_of_actions(core::Actions actions)
{
    Words words{static_cast<char **>(palloc(sizeof(char *) * core::action_count)), 0};
    if (actions == core::all_actions) {
        words.items[words.count++] = pstrdup("ALL");
        return words;
    }
    for (std::size_t i = 0; i < core::action_count; i++)
        if (actions & core::bit(static_cast<core::Action>(i)))
            words.items[words.count++] = copy_of(core::action_name(static_cast<core::Action>(i)));
    return words;
}

namespace {

constexpr const char *forms = "Write schema.table, schema.table(column, ...), schema.*, *.*, or the kind and the name: "
                              "function schema.name(type), sequence schema.name, type schema.name, schema name, large "
                              "object 4711, role name, database name, server.";

[[noreturn]] void unreadable_name(const char *text, const core::ParsedName &parsed)
{
    if (parsed.error == core::NameError::later_kind)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("object \"%s\" is not guarded by this version of jit_guard", clipped(text)),
                        errdetail("%s.", core::name_error_text(parsed.error)),
                        errhint("%s", forms)));
    ereport(ERROR, (errcode(ERRCODE_INVALID_NAME), errmsg("cannot read object \"%s\"", clipped(text)),
                    errdetail("At character %zu: %s.", parsed.position + 1, core::name_error_text(parsed.error)),
                    errhint("%s", forms)));
    pg_unreachable();
}

} // namespace

void not_guardable(const char *text, const char *why, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("object \"%s\" cannot be guarded", clipped(text)),
                    errdetail("%s", why), errhint("%s", hint)));
    pg_unreachable();
}

namespace {

[[noreturn]] void temporary(const char *text)
{
    not_guardable(text, "Temporary objects belong to one session and are outside every policy.",
                  "Guard the tables of your own schemas.");
}

void check_schema(const char *text, Oid nspoid)
{
    constexpr const char *hint = "Guard the objects of your own schemas.";
    if (IsCatalogNamespace(nspoid) || IsToastNamespace(nspoid) || nspoid == get_namespace_oid("information_schema", true))
        not_guardable(text, "The system's own schemas are outside every policy.", hint);
    if (isAnyTempNamespace(nspoid))
        temporary(text);
    if (catalog::presence() != catalog::Presence::absent && nspoid == get_namespace_oid("jit", true))
        not_guardable(text, "The extension guards its own tables.", hint);
}

void check_relation(const char *text, const Item &item)
{
    check_schema(text, get_rel_namespace(item.object));
    switch (item.relkind) {
        case RELKIND_RELATION:
        case RELKIND_PARTITIONED_TABLE:
        case RELKIND_VIEW:
        case RELKIND_MATVIEW:
        case RELKIND_FOREIGN_TABLE:
            return;
        case RELKIND_INDEX:
        case RELKIND_PARTITIONED_INDEX:
            not_guardable(text, "It is an index, which belongs to its table.", "Guard the table.");
        case RELKIND_SEQUENCE:
            return;
        default:
            not_guardable(text, "It is no table, view, materialized view, foreign table or sequence.",
                          "Guard a table or a view.");
    }
}

int by_number(const void *a, const void *b)
{
    return *static_cast<const int16 *>(a) - *static_cast<const int16 *>(b);
}

void resolve_columns(const char *text, const core::ObjectName &name, Item *item)
{
    item->columns = static_cast<int16 *>(palloc(sizeof(int16) * name.column_count));
    for (std::size_t i = 0; i < name.column_count; i++) {
        const char *column = name.columns[i].text.data();
        const AttrNumber number = get_attnum(item->object, column);
        if (number == InvalidAttrNumber)
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                            errmsg("column \"%s\" of object \"%s\" does not exist", column, clipped(text)),
                            errhint("Column names are folded to lower case unless they are double-quoted.")));
        if (number < 0)
            not_guardable(text, "System columns cannot be guarded one by one.", "Guard the whole table.");
        item->columns[item->column_count++] = number;
    }
    qsort(item->columns, static_cast<size_t>(item->column_count), sizeof(int16), by_number);
}

Oid schema_oid(const char *text, const char *schema)
{
    if (strcmp(schema, "pg_temp") == 0) // an alias, not the name of a schema
        temporary(text);
    const Oid nspoid = get_namespace_oid(schema, true);
    if (!OidIsValid(nspoid))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_SCHEMA), errmsg("schema \"%s\" does not exist", schema),
                        errdetail("The object \"%s\" names it.", clipped(text)),
                        errhint("Names are folded to lower case unless they are double-quoted.")));
    return nspoid;
}

} // namespace

Oid guardable_schema(const char *text, const char *schema)
{
    const Oid nspoid = schema_oid(text, schema);
    check_schema(text, nspoid);
    return nspoid;
}

namespace {

Item resolve_relation(const char *text, const core::ObjectName &name, LOCKMODE lock)
{
    (void) guardable_schema(text, name.schema.text.data());
    Item item{};
    item.object_class = core::class_relation;
    item.object = RangeVarGetRelid(makeRangeVar(pstrdup(name.schema.text.data()), pstrdup(name.relation.text.data()), -1), lock, true);
    if (!OidIsValid(item.object))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation \"%s\" does not exist", clipped(text)),
                        errhint("Names are folded to lower case unless they are double-quoted.")));
    item.relkind = get_rel_relkind(item.object);
    check_relation(text, item);
    if (name.kind == core::ObjectKind::sequence && item.relkind != RELKIND_SEQUENCE)
        not_guardable(text, "It is no sequence.", "Leave the word out, or name a sequence.");
    if (name.kind == core::ObjectKind::columns)
        resolve_columns(text, name, &item);
    item.kind = kind_of(item);
    return item;
}

Item resolve_object(const char *text, LOCKMODE lock)
{
    core::ObjectName name;
    const core::ParsedName parsed = core::parse_object_name(text, &name);
    if (parsed.error != core::NameError::none)
        unreadable_name(text, parsed);

    Item item{};
    switch (name.kind) {
        case core::ObjectKind::database_relations:
            item.object = MyDatabaseId;
            break;
        case core::ObjectKind::schema_relations:
            item.object = guardable_schema(text, name.schema.text.data());
            break;
        case core::ObjectKind::relation:
        case core::ObjectKind::columns:
        case core::ObjectKind::sequence:
            return resolve_relation(text, name, lock);
        case core::ObjectKind::schema:
        case core::ObjectKind::function:
        case core::ObjectKind::type:
        case core::ObjectKind::large_object:
        case core::ObjectKind::role:
        case core::ObjectKind::database:
        case core::ObjectKind::server:
            return resolve_other(text, name, lock);
    }
    item.kind = name.kind;
    item.object_class = core::class_of(name.kind);
    return item;
}

// The same relation twice: the whole of it wins, else the columns of both.
void merge(Item *into, const Item &more)
{
    if (into->column_count == 0 || more.column_count == 0) {
        into->column_count = 0;
        return;
    }
    auto *both = static_cast<int16 *>(palloc(sizeof(int16) * static_cast<Size>(into->column_count + more.column_count)));
    int count = 0;
    for (int i = 0, j = 0; i < into->column_count || j < more.column_count;) {
        int16 smallest = 0;
        if (j == more.column_count || (i < into->column_count && into->columns[i] <= more.columns[j]))
            smallest = into->columns[i++];
        else
            smallest = more.columns[j++];
        if (count == 0 || both[count - 1] != smallest)
            both[count++] = smallest;
    }
    into->columns = both;
    into->column_count = count;
}

void give_name(Item *item)
{
    item->kind = kind_of(*item);
    item->name = name_of(*item);
    if (!item->name)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("an object was dropped meanwhile"),
                        errhint("Try again.")));
}

} // namespace

void resolve_objects(const Words &names, LOCKMODE lock, Scope *scope)
{
    scope->items = static_cast<Item *>(palloc0(sizeof(Item) * static_cast<Size>(names.count + 1)));
    scope->count = 0;
    for (int i = 0; i < names.count; i++) {
        const Item item = resolve_object(names.items[i], lock);
        int known = 0;
        while (known < scope->count && (scope->items[known].object_class != item.object_class ||
                                        scope->items[known].object != item.object))
            known++;
        if (known < scope->count)
            merge(&scope->items[known], item);
        else
            scope->items[scope->count++] = item;
    }
    for (int i = 0; i < scope->count; i++)
        give_name(&scope->items[i]);
}

Words names_of(const Scope &scope)
{
    Words words{static_cast<char **>(palloc(sizeof(char *) * static_cast<Size>(scope.count + 1))), scope.count};
    for (int i = 0; i < scope.count; i++)
        words.items[i] = scope.items[i].name;
    return words;
}

Datum columns_array(const Item &item)
{
    auto *elements = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(item.column_count + 1)));
    for (int i = 0; i < item.column_count; i++)
        elements[i] = Int16GetDatum(item.columns[i]);
    return PointerGetDatum(construct_array(elements, item.column_count, INT2OID, sizeof(int16), true, TYPALIGN_SHORT));
}

} // namespace jit::api
