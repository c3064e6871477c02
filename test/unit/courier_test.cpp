// courier_test.cpp: zone P. What is sent to destinations, to whom it may be sent, and when again.
#include "core/cloud_event.hpp"
#include "core/notice.hpp"
#include "core/siem.hpp"
#include "core/webhook.hpp"
#include "net/address.hpp"
#include "net/delivery.hpp"
#include "net/url.hpp"

#include <string>

#include <gtest/gtest.h>

#include "../text_sink.hpp"

using namespace jit;
using core::evidence::Kind;
using core::evidence::Tag;
using test::Text;

namespace {

net::Network network(std::string_view text)
{
    net::Network out{};
    EXPECT_TRUE(net::parse_network(text, &out)) << text;
    return out;
}

TEST(Address, OnlyPublicOnesMayBeConnectedTo)
{
    for (const char *text : {"8.8.8.8", "1.1.1.1", "2606:4700::1111", "172.32.0.1", "100.128.0.1", "192.169.0.1"})
        EXPECT_TRUE(net::is_public(network(text))) << text;
    for (const char *text : {"0.0.0.0", "10.1.2.3", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1",
                             "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::", "::1", "fe80::1", "fd00::1", "ff02::1",
                             "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001:db8::1"})
        EXPECT_FALSE(net::is_public(network(text))) << text;
}

TEST(Address, AllowedOnesMayBe)
{
    std::array<net::Network, 4> allowed{};
    std::size_t count = 0;
    std::string_view bad;
    ASSERT_TRUE(net::parse_networks(" 10.1.0.0/16 ,fd00::/8", allowed, &count, &bad));
    ASSERT_EQ(count, 2U);
    EXPECT_TRUE(net::may_connect(network("10.1.2.3"), {allowed.data(), count}));
    EXPECT_TRUE(net::may_connect(network("::ffff:10.1.2.3"), {allowed.data(), count}));
    EXPECT_FALSE(net::may_connect(network("10.2.0.1"), {allowed.data(), count}));
    EXPECT_TRUE(net::may_connect(network("fd12::1"), {allowed.data(), count}));
    EXPECT_FALSE(net::may_connect(network("fe80::1"), {allowed.data(), count}));
    EXPECT_TRUE(net::parse_networks("", allowed, &count, &bad));
    EXPECT_EQ(count, 0U);
    for (const char *text : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/", "10.0.0.0/8x", ",", "10.0.0.1,,10.0.0.2"})
        EXPECT_FALSE(net::parse_networks(text, allowed, &count, &bad)) << text;
    EXPECT_FALSE(net::parse_networks("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5", allowed, &count, &bad)) << "more than fit";
}

TEST(Url, IsReadInItsParts)
{
    net::Url url{};
    EXPECT_EQ(net::parse_url("https://hooks.example.com:8443/a/b?c=d", &url), nullptr);
    EXPECT_EQ(url.scheme, "https");
    EXPECT_EQ(url.host, "hooks.example.com");
    EXPECT_EQ(url.port, 8443U);
    EXPECT_EQ(url.path, "/a/b?c=d");
    EXPECT_EQ(net::parse_url("tls://[fd00::1]:6514", &url), nullptr);
    EXPECT_EQ(url.host, "fd00::1");
    EXPECT_TRUE(url.v6);
    for (const char *text : {"", "example.com", "https://", "https://user:secret@example.com/", "https://user@example.com", "https://user@example.com:1/", "https://a b/",
                             "https://example.com:0/", "https://example.com:99999/", "https://example.com:/", "https://example.com/#x",
                             "https://example.com/\n", "https://example.com\\@evil", "https://[::1/", "https://ex%61mple.com/"})
        EXPECT_NE(net::parse_url(text, &url), nullptr) << text;
}

TEST(Delivery, HalvesAndGrowsAgain)
{
    EXPECT_EQ(net::next_size(net::Verdict::rejected, 100, 100, 100), 50);
    EXPECT_EQ(net::next_size(net::Verdict::rejected, 1, 1, 100), 1);
    EXPECT_EQ(net::next_size(net::Verdict::delivered, 1, 1, 100), 2);
    EXPECT_EQ(net::next_size(net::Verdict::delivered, 100, 100, 100), 100);
    EXPECT_EQ(net::next_size(net::Verdict::later, 100, 100, 100), 100);
}

TEST(Webhook, SignsAsStandardWebhooksDoes)
{
    // Made with the npm package standardwebhooks 1.1.1, and with "openssl dgst -sha256 -mac HMAC".
    core::webhook::Secrets secrets{};
    ASSERT_TRUE(core::webhook::parse_secrets("whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\n\nwhsec_YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=", &secrets));
    std::array<char, 200> out{};
    const std::size_t length = core::webhook::sign(secrets, "msg_1", "1700000000", "{\"a\":1}", out);
    EXPECT_EQ(std::string(out.data(), length), "v1,gY5u0Gy1AnBsf6YdPFLa7N7Wpo237alzmdfC0DTFXRI= v1,PU6Bbb2GzJVj6o2+PedtKBVva2zetUDHXC17KkerDoY=");
    EXPECT_EQ(core::webhook::sign(secrets, "msg_1", "1700000000", "", std::span{out.data(), 60}), 0U) << "no room for the second";
    for (const char *text : {"", "\n", "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=", "whsec_YWFh", "whsec_!", "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\nx"})
        EXPECT_FALSE(core::webhook::parse_secrets(text, &secrets)) << text;
}

std::string event_record(std::string_view event, std::string_view person, std::string_view policy)
{
    Text made;
    core::evidence::Writer<Text> writer{made, Kind::event};
    writer.number(Tag::at, 1'764'450'319'123'456);
    writer.text(Tag::person, person);
    writer.text(Tag::client_addr, "10.0.0.9");
    writer.text(Tag::policy, policy);
    writer.number(Tag::request_id, 42);
    writer.text(Tag::event, event);
    writer.text(Tag::actor, "carol");
    return made.bytes;
}

TEST(CloudEvent, IsOne)
{
    const std::string record = event_record("approved", "alice", "pay");
    core::cloud_event::Id id{};
    core::cloud_event::Id other{};
    ASSERT_TRUE(core::cloud_event::make_id("o", 7, record, &id));
    ASSERT_TRUE(core::cloud_event::make_id("o", 8, record, &other));
    EXPECT_NE(id, other);
    Text out;
    core::cloud_event::put(out, {"/jit_guard/1/app", "msg_x", 7, {}}, record);
    EXPECT_EQ(out.bytes,
              "{\"specversion\":\"1.0\",\"id\":\"msg_x\",\"source\":\"/jit_guard/1/app\",\"type\":\"jit_guard.approved\",\"subject\":\"request/42\","
              "\"time\":\"2025-11-29T21:05:19.123456+00:00\",\"sequence\":\"0000000000000000007\",\"datacontenttype\":\"application/json\","
              "\"data\":{\"seq\":7,\"leaf\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"record\":{\"kind\":\"event\","
              "\"at\":\"2025-11-29T21:05:19.123456+00:00\",\"person\":\"alice\",\"client_addr\":\"10.0.0.9\",\"policy\":\"pay\",\"request_id\":42,"
              "\"event\":\"approved\",\"actor\":\"carol\"}}}");
}

core::siem::Origin origin() { return {"0.2.0", "db1", "app", 7, "msg_x", {}}; }

TEST(Cef, EscapesBothParts)
{
    Text out;
    core::siem::put_cef_record(out, origin(), event_record("approved", "a=b\\c\nd\re|f", "pay"));
    EXPECT_TRUE(out.bytes.starts_with("CEF:0|jit_guard|jit_guard|0.2.0|approved|Approval given|6|externalId=7 rt=1764450319123 dvchost=db1 "))
        << out.bytes;
    EXPECT_NE(out.bytes.find(" duser=a\\=b\\\\c\\nd\\re|f "), std::string::npos) << out.bytes;
    EXPECT_NE(out.bytes.find(" suser=carol "), std::string::npos);
    EXPECT_NE(out.bytes.find(" cs1=42 cs1Label=request cs2=app cs2Label=database cs3=pay cs3Label=policy "), std::string::npos) << out.bytes;
    Text header;
    core::siem::put_cef_header(header, "a|b\\c\n");
    EXPECT_EQ(header.bytes, "a\\|b\\\\c ");
}

TEST(Ocsf, HasWhatItsClassRequires)
{
    const auto encoded = [](const std::string &record) {
        Text out;
        core::siem::put_ocsf(out, origin(), record);
        return out.bytes;
    };
    const std::string base = "{\"metadata\":{\"version\":\"1.8.0\",\"product\":{\"name\":\"jit_guard\",\"vendor_name\":\"jit_guard\",\"version\":\"0.2.0\"}";
    const std::string approved = encoded(event_record("approved", "alice", "pay"));
    EXPECT_TRUE(approved.starts_with(base)) << approved;
    EXPECT_NE(approved.find("\"category_uid\":3,\"class_uid\":3005,\"activity_id\":1,\"type_uid\":300501,\"severity_id\":3,\"status_id\":1,\"time\":1764450319123"),
              std::string::npos) << approved;
    EXPECT_NE(approved.find("\"user\":{\"name\":\"alice\"},\"privileges\":[\"pay\"]"), std::string::npos) << approved;
    EXPECT_NE(encoded(event_record("revoked", "alice", "pay")).find("\"type_uid\":300502"), std::string::npos);
    const std::string asked = encoded(event_record("requested", "alice", "pay"));
    EXPECT_NE(asked.find("\"type_uid\":300401"), std::string::npos) << asked;
    EXPECT_NE(asked.find("\"entity\":{\"name\":\"pay\",\"type\":\"policy\",\"uid\":\"request/42\"}"), std::string::npos) << asked;

    Text made;
    core::evidence::Writer<Text> writer{made, Kind::use};
    writer.number(Tag::at, 0);
    writer.text(Tag::person, "alice");
    writer.text(Tag::statement, "DELETE FROM t");
    writer.begin(Tag::use);
    core::evidence::Writer<Text>::field(made, Tag::policy, std::string_view{"pay"});
    core::evidence::Writer<Text>::field(made, Tag::actions, std::string_view{"SELECT, DELETE"});
    core::evidence::Writer<Text>::field(made, Tag::object, std::string_view{"public.t"});
    writer.end();
    const std::string use = encoded(made.bytes);
    EXPECT_NE(use.find("\"type_uid\":600507"), std::string::npos) << use;
    EXPECT_NE(use.find("\"actor\":{\"user\":{\"name\":\"alice\"}},\"src_endpoint\":{\"name\":\"local\"},\"database\":{\"type_id\":1,\"name\":\"app\"},"
                       "\"table\":{\"name\":\"public.t\"}"),
              std::string::npos) << use;
}

TEST(Syslog, IsRfc5424)
{
    Text out;
    core::syslog::put_header(out, {13, core::syslog::Severity::notice, 1'764'450'319'123'456, "db 1", "jit_guard", "99", "", "a\"]\\b", 7});
    EXPECT_EQ(out.bytes, "<109>1 2025-11-29T21:05:19.123456+00:00 db_1 jit_guard 99 - [jit_guard@32473 seq=\"7\" id=\"a\\\"\\]\\\\b\"] ");
    Text length;
    core::syslog::put_length(length, 123);
    EXPECT_EQ(length.bytes, "123 ");
}

TEST(Notice, ShowsMarkupAsText)
{
    const core::notice::Fact facts[] = {{"Why", "<!channel> & [x](http://evil) *b* _i_\nnext\u202e"}};
    const std::string_view calls[] = {"SELECT jit.approve(42);"};
    const core::notice::Notice all{core::notice::Tone::attention, "Approval requested", facts, calls};
    Text slack;
    core::notice::put_slack(slack, all);
    EXPECT_NE(slack.bytes.find("&lt;!channel&gt; &amp; [x](http://evil) *b* _i_\\nnext\"}]"), std::string::npos) << slack.bytes;
    EXPECT_NE(slack.bytes.find("{\"type\":\"plain_text\",\"emoji\":false,\"text\":\"SELECT jit.approve(42);\"}"), std::string::npos) << slack.bytes;
    Text card;
    core::notice::put_card(card, all, 500);
    EXPECT_NE(card.bytes.find("\\\\<\\\\!channel\\\\> & \\\\[x\\\\](http://evil) \\\\*b\\\\* \\\\_i\\\\_ next\"}"), std::string::npos) << card.bytes;
    Text cut;
    core::notice::put_card(cut, all, 12);
    EXPECT_NE(cut.bytes.find("\"value\":\"\\\\<\\\\!channel\\\\> &...\""), std::string::npos) << cut.bytes;
}

} // namespace
