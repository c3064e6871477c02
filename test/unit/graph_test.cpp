// graph_test.cpp: zone P. What Microsoft Graph says of activations is understood as it is meant, and anything else counts as not active.
#include "net/graph.hpp"

#include <string>

#include <gtest/gtest.h>

namespace graph = jit::net::graph;
namespace json = jit::core::json;

namespace {

const std::string group = "aaaaaaaa-0000-0000-0000-00000000000a";
const std::string person = "bbbbbbbb-0000-0000-0000-00000000000b";
const std::string request = "cccccccc-0000-0000-0000-00000000000c";
const std::string schedule = group + "_member_" + request;

std::string instance(const std::string &access = "member", const std::string &type = "activated", const std::string &starts = "2026-11-20T07:43:00Z",
                     const std::string &ends = "\"2026-11-20T09:43:00.5Z\"", const std::string &in = group)
{
    return R"({"id":"x","principalId":")" + person + R"(","groupId":")" + in + R"(","accessId":")" + access + R"(","assignmentType":")" + type +
           R"(","memberType":"direct","startDateTime":")" + starts + R"(","endDateTime":)" + ends + R"(,"assignmentScheduleId":")" + in + "_member_" + request +
           R"("})";
}

std::int64_t at(const char *text)
{
    std::int64_t out = 0;
    EXPECT_TRUE(graph::parse_time(text, &out)) << text;
    return out;
}

bool is_active(const std::string &text, graph::Activation *out, const char *now = "2026-11-20T08:00:00Z")
{
    return graph::read_activation(json::parse(text), group, at(now), out);
}

TEST(Graph, ReadsTimes)
{
    EXPECT_EQ(at("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(at("2000-02-29T23:59:59.1234567Z"), 951'868'799'123'456);
    EXPECT_EQ(at("2026-11-20T07:43:00.000Z"), 1'795'160'580'000'000);
    std::int64_t out = 0;
    for (const char *bad : {"", "Z", "2026-11-20", "2026-11-20T07:43:00", "2026-11-20T07:43:00+01:00", "2026-13-20T07:43:00Z", "2026-02-29T07:43:00Z",
                            "2026-11-20T24:00:00Z", "2026-11-20T07:43:00.Z", "2026-11-20T07:43:00.12345678901Z", "2026-11-20 07:43:00Z", "1969-12-31T23:59:59Z"})
        EXPECT_FALSE(graph::parse_time(bad, &out)) << bad;
}

TEST(Graph, KnowsIds)
{
    EXPECT_TRUE(graph::is_id(group));
    EXPECT_FALSE(graph::is_id("AAAAAAAA-0000-0000-0000-00000000000a"));
    EXPECT_FALSE(graph::is_id(group + "0"));
    EXPECT_FALSE(graph::is_id("aaaaaaaa000000000000000000000000000a"));
    EXPECT_FALSE(graph::is_id("aaaaaaaa-0000-0000-0000-0000000000' "));
}

TEST(Graph, ReadsActivations)
{
    graph::Activation out{};
    ASSERT_TRUE(is_active(instance(), &out));
    EXPECT_EQ(person, out.person.data());
    EXPECT_EQ(request, out.request.data());
    EXPECT_EQ(schedule, out.schedule.data());
    EXPECT_EQ(out.starts, at("2026-11-20T07:43:00Z"));
    EXPECT_EQ(out.ends, at("2026-11-20T09:43:00.5Z"));
    EXPECT_TRUE(is_active(instance("Member", "Activated"), &out));
    EXPECT_TRUE(is_active(instance(), &out, "2026-11-20T07:43:00Z"));
}

TEST(Graph, TakesNothingElseForAnActivation)
{
    graph::Activation out{};
    EXPECT_FALSE(is_active(instance("owner"), &out));
    EXPECT_FALSE(is_active(instance("member", "assigned"), &out));
    EXPECT_FALSE(is_active(instance("member", "activated", "2026-11-20T07:43:00Z", "null"), &out));
    EXPECT_FALSE(is_active(instance(), &out, "2026-11-20T07:42:59Z")) << "not yet";
    EXPECT_FALSE(is_active(instance(), &out, "2026-11-20T09:43:00.5Z")) << "not any more";
    EXPECT_FALSE(is_active(instance("member", "activated", "2026-11-20T07:43:00Z", "\"2026-11-20T09:43:00.5Z\"", person), &out)) << "another group";
    std::string text = instance();
    text.replace(text.find(request), request.size(), "../../../../me");
    EXPECT_FALSE(is_active(text, &out));
    EXPECT_FALSE(is_active("{}", &out));
    EXPECT_FALSE(is_active("[]", &out));
}

TEST(Graph, ReadsWhy)
{
    graph::Activation of{};
    graph::Why why{};
    ASSERT_TRUE(is_active(instance(), &of));
    const auto text = [](const std::string &status, const std::string &who, const std::string &more) {
        return R"({"id":")" + request + R"(","status":")" + status + R"(","groupId":")" + group + R"(","principalId":")" + who + R"(","targetScheduleId":")" +
               schedule + "\"" + more + "}";
    };
    const auto reads = [&](const std::string &document) { return graph::read_why(json::parse(document), group, of, &why); };
    ASSERT_TRUE(reads(text("Provisioned", person, R"(,"justification":"fix é","ticketInfo":{"ticketNumber":"INC1","ticketSystem":"x"})")));
    EXPECT_STREQ(why.reason.data(), "fix é");
    EXPECT_STREQ(why.ticket.data(), "INC1");
    EXPECT_TRUE(reads(text("provisioned", person, R"(,"justification":null,"ticketInfo":null)")));
    EXPECT_STREQ(why.reason.data(), "");
    EXPECT_TRUE(reads(text("provisioned", person, "")));
    EXPECT_FALSE(reads(text("PendingApproval", person, "")));
    EXPECT_FALSE(reads(text("Revoked", person, "")));
    EXPECT_FALSE(reads(text("provisioned", request, ""))) << "another person";
    EXPECT_FALSE(reads(text("provisioned", person, R"(,"justification":"a\u0000b")")));
    EXPECT_FALSE(reads(text("provisioned", person, ",\"justification\":\"" + std::string(5'000, 'x') + '"')));
    EXPECT_FALSE(reads("{}"));
}

TEST(Graph, FollowsPagesOnTheSameHostOnly)
{
    const auto next = [](const std::string &link, std::string *out) {
        char text[500];
        std::size_t length = 0;
        const graph::Next found = graph::next_page(json::parse(R"({"value":[],"@odata.nextLink":)" + link + "}"), "https://graph.microsoft.com", text, &length);
        if (found == graph::Next::here)
            out->assign(text, length);
        return found;
    };
    std::string out;
    EXPECT_EQ(next("null", &out), graph::Next::none);
    EXPECT_EQ(next(R"("https://graph.microsoft.com/v1.0/x?$skiptoken=abc%20'd'")", &out), graph::Next::here);
    EXPECT_EQ(out, "https://graph.microsoft.com/v1.0/x?$skiptoken=abc%20'd'");
    for (const char *bad : {R"("https://graph.microsoft.com.evil.example/")", R"("http://graph.microsoft.com/")", R"("https://graph.microsoft.com:444/")",
                            R"("https://graph.microsoft.com@evil.example/")", R"("https://evil.example/?graph.microsoft.com")", R"("//graph.microsoft.com/")", "7"})
        EXPECT_EQ(next(bad, &out), graph::Next::elsewhere) << bad;
    json::Value list{};
    EXPECT_TRUE(graph::read_page(json::parse(R"({"value":[1]})"), &list));
    EXPECT_FALSE(graph::read_page(json::parse(R"({"error":{}})"), &list));
}

} // namespace
