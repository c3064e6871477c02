// azure_monitor_test.cpp: zone P. Rows for Azure Monitor Logs, where they may be sent, and how they are packed.
#include "core/log_analytics.hpp"
#include "net/azure_monitor.hpp"
#include "net/gzip.hpp"
#include "net/key_vault.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "core/json.hpp"

#include "../text_sink.hpp"
#include "hex.hpp"

using namespace jit;
using core::evidence::Kind;
using core::evidence::Tag;
using test::Text;
namespace json = core::json;
namespace table = core::log_analytics;

namespace {

constexpr core::siem::Origin origin{"1.0", "db1", "app", 7, "msg_00", {1, 2}};

std::string row(const Text &record)
{
    EXPECT_TRUE(core::evidence::is_record(record.bytes));
    Text out;
    table::put_row(out, origin, "jit_guard/1/2", record.bytes);
    EXPECT_EQ(json::parse(out.bytes).kind, json::Kind::object) << out.bytes.substr(0, 300);
    return out.bytes;
}

std::string text_of(json::Value value)
{
    std::vector<char> out(200'000);
    std::size_t length = 0;
    return json::text(value, out, &length) ? std::string{out.data(), length} : "(none)";
}
std::string member(const std::string &document, std::string_view name) { return text_of(json::member(json::parse(document), name)); }

Text use(std::string_view statement)
{
    Text record;
    core::evidence::Writer<Text> writer{record, Kind::use};
    writer.number(Tag::at, 1'700'000'000'123'456);
    writer.text(Tag::person, "alice");
    writer.text(Tag::client_addr, "10.0.0.1");
    writer.text(Tag::statement, statement);
    writer.begin(Tag::use);
    core::evidence::Writer<Text>::field(record, Tag::policy, std::string_view{"pay"});
    core::evidence::Writer<Text>::field(record, Tag::request_id, std::int64_t{42});
    core::evidence::Writer<Text>::field(record, Tag::object, std::string_view{"table s.t"});
    writer.end();
    return record;
}

TEST(LogAnalytics, ARowHasItsColumns)
{
    const std::string out = row(use("SELECT 1"));
    EXPECT_EQ(member(out, "TimeGenerated"), "2023-11-14T22:13:20.123456+00:00");
    EXPECT_EQ(member(out, "EventTime"), "2023-11-14T22:13:20.123456+00:00");
    EXPECT_EQ(member(out, "EventId"), "msg_00");
    EXPECT_EQ(member(out, "Ledger"), "jit_guard/1/2");
    EXPECT_EQ(json::member(json::parse(out), "Seq").text, "7");
    EXPECT_EQ(member(out, "LeafHash"), "0102" + std::string(60, '0'));
    EXPECT_EQ(member(out, "Kind"), "use");
    EXPECT_EQ(member(out, "EventType"), "use");
    EXPECT_EQ(member(out, "Outcome"), "success");
    EXPECT_EQ(member(out, "Server"), "db1");
    EXPECT_EQ(member(out, "Person"), "alice");
    EXPECT_EQ(json::member(json::parse(out), "RequestId").text, "42");
    EXPECT_EQ(member(out, "Policy"), "pay");
    EXPECT_EQ(member(out, "Object"), "table s.t");
    EXPECT_EQ(member(out, "Statement"), "SELECT 1");
    EXPECT_EQ(text_of(json::member(json::member(json::parse(out), "Details"), "person")), "alice");
    EXPECT_EQ(json::member(json::parse(out), "Actor").kind, json::Kind::none) << "what is not known is left out";

    // In the order of the table, and none beside it.
    json::Items items{json::parse(out)};
    json::Value name{};
    json::Value value{};
    std::size_t at = 0;
    while (items.next(&name, &value)) {
        while (at < table::columns.size() && !json::equals(name, table::columns[at].name))
            at++;
        ASSERT_LT(at, table::columns.size()) << name.text;
        const bool is_text = table::columns[at].type == "string" || table::columns[at].type == "datetime";
        EXPECT_EQ(value.kind, is_text ? json::Kind::string : table::columns[at].type == "long" ? json::Kind::number : json::Kind::object) << name.text;
    }
}

TEST(LogAnalytics, ColumnsHaveNamesThatTheServiceTakes)
{
    for (const table::Column &column : table::columns) {
        EXPECT_LE(column.name.size(), 45U);
        for (const char *reserved : {"_ResourceId", "id", "_SubscriptionId", "TenantId", "Type", "UniqueId", "Title"})
            EXPECT_NE(column.name, reserved);
        EXPECT_TRUE(column.type == "string" || column.type == "long" || column.type == "datetime" || column.type == "dynamic") << column.type;
    }
}

// What is deployed is what is written: extension/azure/audit_table.json.
TEST(LogAnalytics, TheTemplateHasTheSameColumns)
{
    std::ifstream in{JIT_AZURE_TEMPLATE};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const json::Value all = json::parse(text);
    ASSERT_EQ(all.kind, json::Kind::object) << "the template is no JSON";
    int found = 0;
    json::Items resources{json::member(all, "resources")};
    json::Value resource{};
    while (resources.next(&resource)) {
        const json::Value properties = json::member(resource, "properties");
        const json::Value streams = json::member(properties, "streamDeclarations");
        const json::Value of_table = json::member(json::member(properties, "schema"), "columns");
        const json::Value of_stream = json::member(json::member(streams, "Custom-JitGuardAudit"), "columns");
        for (const json::Value &list : {of_table, of_stream}) {
            if (list.kind == json::Kind::none)
                continue;
            found++;
            json::Items columns{list};
            json::Value column{};
            for (const table::Column &wanted : table::columns) {
                ASSERT_TRUE(columns.next(&column)) << wanted.name;
                EXPECT_TRUE(json::equals(json::member(column, "name"), wanted.name)) << wanted.name << ' ' << column.text;
                EXPECT_TRUE(json::equals(json::member(column, "type"), wanted.type)) << wanted.name << ' ' << column.text;
            }
            EXPECT_FALSE(columns.next(&column)) << column.text;
        }
    }
    EXPECT_EQ(found, 2) << "the table and the stream";
}

TEST(LogAnalytics, NothingIsCutSilently)
{
    std::string statement;
    while (statement.size() < 100'000)
        statement += "\xe2\x82\xac"; // three bytes, so that the limit falls into a character
    const std::string out = row(use(statement));
    core::Hash hash{};
    ASSERT_TRUE(core::sha256(statement, &hash));
    const std::string shown = member(out, "Statement");
    EXPECT_TRUE(core::utf8::is_valid(shown));
    EXPECT_LT(shown.size(), 64U * 1'024);
    EXPECT_GT(shown.size(), 59'000U);
    EXPECT_TRUE(shown.ends_with("[cut: 100002 bytes, SHA-256 " + unit::hex(core::bytes_of(hash)) + "]")) << shown.substr(shown.size() - 150);
    const std::string mark = text_of(json::member(json::member(json::parse(out), "Details"), "cut"));
    EXPECT_TRUE(mark.starts_with("[cut: ")) << mark;

    const std::string strange = member(row(use(std::string(70'000, '\xff'))), "Statement");
    EXPECT_TRUE(strange.starts_with("\\xffff")) << strange.substr(0, 20);
    EXPECT_LT(strange.size(), 64U * 1'024);
    EXPECT_NE(strange.find("[cut: 70000 bytes"), std::string::npos);
    const std::string whole = member(row(use(std::string(60'000, 'a'))), "Statement");
    EXPECT_EQ(whole.size(), 60'000U) << "what fits is not cut";
}

TEST(AzureMonitor, OnlyItsHostsGetATokenOfIts)
{
    using net::azure_monitor::resource_of;
    EXPECT_STREQ(resource_of("my-dce-5kyl.eastus-1.ingest.monitor.azure.com"), "https://monitor.azure.com");
    EXPECT_STREQ(resource_of("X.INGEST.monitor.azure.US"), "https://monitor.azure.us");
    EXPECT_STREQ(resource_of("x.ingest.monitor.azure.cn"), "https://monitor.azure.cn");
    for (const char *other : {"", "monitor.azure.com", ".ingest.monitor.azure.com", "ingest.monitor.azure.com", "x.ingest.monitor.azure.com.evil.example",
                              "xingest.monitor.azure.com", "x.ingest.monitor.azure.co", "evil.example", "x.ingest.monitor.azure.com."})
        EXPECT_EQ(resource_of(other), nullptr) << other;
}

TEST(AzureMonitor, ThePathIsThatOfTheApi)
{
    using net::azure_monitor::bad_path;
    const std::string id = "dcr-000a00a000a00000a000000aa000a0aa";
    const std::string rule = "/dataCollectionRules/" + id;
    EXPECT_EQ(bad_path(rule + "/streams/Custom-JitGuardAudit?api-version=2023-01-01"), nullptr);
    EXPECT_EQ(bad_path(rule + "/streams/Microsoft-ASimAuditEventLogs?api-version=2024-03-11"), nullptr);
    for (const std::string &wrong :
         {std::string{}, std::string{"/"}, rule, rule + "/streams/Custom-X", rule + "/streams/Other-X?api-version=2023-01-01",
          std::string{"/dataCollectionRules/my-rule/streams/Custom-X?api-version=2023-01-01"}, rule + "/streams/Custom-X?api-version=2023-01-01&x=y",
          rule + "/streams/Custom-X/../y?api-version=2023-01-01", rule + "/streams/Custom-X?api-version=2023-1-1", rule + "0/streams/Custom-X?api-version=2023-01-01",
          "/x" + rule + "/streams/Custom-X?api-version=2023-01-01"})
        EXPECT_NE(bad_path(wrong), nullptr) << wrong;
}

TEST(KeyVault, AReferenceIsASecretOfAVault)
{
    using namespace net::key_vault;
    Reference parts{};
    EXPECT_EQ(parse("keyvault:https://my-vault.vault.azure.net/secrets/hook-key", &parts), nullptr);
    EXPECT_STREQ(parts.resource, "https://vault.azure.net");
    EXPECT_EQ(parts.address, "https://my-vault.vault.azure.net/secrets/hook-key");
    EXPECT_EQ(parse("keyvault:https://v.vault.usgovcloudapi.net/secrets/x/0123456789abcdef0123456789abcdef", &parts), nullptr);
    EXPECT_STREQ(parts.resource, "https://vault.usgovcloudapi.net");
    for (const char *stranger : {"keyvault:https://evil.example/secrets/x", "keyvault:https://v.vault.azure.net.evil.example/secrets/x",
                                 "keyvault:https://a.b.vault.azure.net/secrets/x", "keyvault:https://.vault.azure.net/secrets/x"}) {
        const bool read = parse(stranger, &parts) == nullptr;
        EXPECT_TRUE(!read || parts.resource == nullptr) << stranger;
    }
    for (const char *wrong : {"", "file", "keyvault:", "keyvault:v/secrets/x", "keyvault:https://v.vault.azure.net/", "keyvault:https://v.vault.azure.net/keys/x",
                              "keyvault:https://v.vault.azure.net/secrets/", "keyvault:https://v.vault.azure.net/secrets/x/", "keyvault:https://v.vault.azure.net/secrets/x/1",
                              "keyvault:https://v.vault.azure.net/secrets/x?api-version=1", "keyvault:https://v.vault.azure.net/secrets/x_y",
                              "keyvault:https://u@v.vault.azure.net/secrets/x"})
        EXPECT_NE(parse(wrong, &parts), nullptr) << wrong;
}

std::string unpacked(std::string_view packed)
{
    std::string out(4'000'000, '\0');
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    std::string in{packed};
    stream.next_in = reinterpret_cast<Bytef *>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef *>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    EXPECT_EQ(stream.avail_in, 0U);
    inflateEnd(&stream);
    return out;
}

TEST(Gzip, PacksWhatComesOutAgain)
{
    std::string noise;
    for (std::uint32_t i = 0, x = 1; i < 900'000; i++) {
        x = x * 1'664'525U + 1'013'904'223U;
        noise.push_back(static_cast<char>(x >> 24));
    }
    for (const std::string &bytes : {std::string{}, std::string{"[]"}, std::string(900'000, 'a'), noise}) {
        std::string out(net::gzip::packed_room(bytes.size()), '\0');
        std::size_t count = 0;
        ASSERT_TRUE(net::gzip::pack(bytes, out, &count)) << bytes.size();
        EXPECT_TRUE(unpacked({out.data(), count}) == bytes);
        std::string again(out.size(), '\0');
        std::size_t count_again = 0;
        ASSERT_TRUE(net::gzip::pack(bytes, again, &count_again));
        EXPECT_TRUE(out == again) << "the same bytes give the same";
    }
    char small[10];
    std::size_t count = 0;
    EXPECT_FALSE(net::gzip::pack(noise, small, &count));
}

} // namespace
