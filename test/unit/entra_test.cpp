// entra_test.cpp: zone P. The claims of a good token, and each way in which one can be wrong.
#include "core/entra.hpp"

#include <array>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace entra = jit::core::entra;
namespace json = jit::core::json;
using entra::Reason;

namespace {

constexpr const char *tenant = "11111111-2222-3333-4444-555555555555";
constexpr const char *other = "99999999-2222-3333-4444-555555555555";
constexpr const char *oid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
constexpr std::int64_t now = 1'800'000'000;

using Claims = std::map<std::string, std::string>; // the values as JSON

std::string quoted(const std::string &text) { return '"' + text + '"'; }

Claims v2()
{
    return {{"ver", "\"2.0\""},
            {"iss", quoted(std::string("https://login.microsoftonline.com/") + tenant + "/v2.0")},
            {"aud", "\"app\""},
            {"tid", quoted(tenant)},
            {"oid", quoted(oid)},
            {"scp", "\"other db.elevate\""},
            {"azp", "\"az\""},
            {"acrs", R"(["p1","c1"])"},
            {"iat", std::to_string(now - 300)},
            {"nbf", std::to_string(now - 300)},
            {"exp", std::to_string(now + 3'600)},
            {"auth_time", std::to_string(now - 30)},
            {"uti", "\"AbC-_1\""}};
}

entra::Expected expected_of_v2()
{
    static const std::string issuer = std::string("https://login.microsoftonline.com/") + tenant + "/v2.0";
    return {issuer, tenant, "app, api://app", "api://app/db.elevate", "", "c1", oid, 300};
}

Claims v1()
{
    Claims claims = v2();
    claims["ver"] = "\"1.0\"";
    claims["iss"] = quoted(std::string("https://sts.windows.net/") + tenant + "/");
    claims["aud"] = "\"api://app\"";
    claims["amr"] = R"(["pwd","mfa"])";
    claims["appid"] = claims["azp"];
    claims.erase("azp");
    claims.erase("acrs");
    return claims;
}

entra::Expected expected_of_v1()
{
    static const std::string issuer = std::string("https://sts.windows.net/") + tenant + "/";
    entra::Expected expected = expected_of_v2();
    expected.issuer = issuer;
    expected.context = "";
    return expected;
}

entra::Judged judged(const Claims &claims, const entra::Expected &expected)
{
    std::string text = "{";
    for (const auto &[name, value] : claims)
        text += (text.size() > 1 ? "," : "") + quoted(name) + ":" + value;
    text += "}";
    return entra::judge(json::parse(text), expected, now);
}
Reason judge(const Claims &claims) { return judged(claims, expected_of_v2()).reason; }

Claims with(Claims claims, const char *name, const std::string &value)
{
    claims[name] = value;
    return claims;
}
Claims without(Claims claims, const char *name)
{
    claims.erase(name);
    return claims;
}

TEST(Entra, GoodOnes)
{
    const entra::Judged both = judged(v2(), expected_of_v2());
    EXPECT_EQ(both.reason, Reason::good);
    EXPECT_EQ(both.issued_at, now - 300);
    EXPECT_EQ(both.signed_in_at, now - 30);
    EXPECT_TRUE(both.has_auth_time);
    EXPECT_EQ(std::string(both.uti.data(), both.uti_bytes), "AbC-_1");
    EXPECT_EQ(judged(v1(), expected_of_v1()).reason, Reason::good);
    EXPECT_EQ(judge(without(v2(), "uti")), Reason::good);
    EXPECT_EQ(judged(with(v2(), "uti", R"("\n")"), expected_of_v2()).uti_bytes, 0U);
    EXPECT_EQ(judge(with(v2(), "idtyp", "\"user\"")), Reason::good);
    EXPECT_EQ(judge(with(v2(), "scp", "\"db.elevate\"")), Reason::good);
}

TEST(Entra, EveryClaimIsNeeded)
{
    const std::map<std::string, Reason> needed = {
        {"ver", Reason::version}, {"iss", Reason::issuer},  {"tid", Reason::tenant},  {"aud", Reason::audience},
        {"exp", Reason::times},   {"nbf", Reason::times},   {"iat", Reason::times},   {"scp", Reason::scope},
        {"oid", Reason::person_missing}, {"acrs", Reason::no_context}};
    for (const auto &[name, reason] : needed)
        for (const Claims &claims : {without(v2(), name.c_str()), with(v2(), name.c_str(), "null"), with(v2(), name.c_str(), "{}"),
                                     with(v2(), name.c_str(), "true"), with(v2(), name.c_str(), "\"\"")})
            EXPECT_EQ(judge(claims), reason) << name;
}

TEST(Entra, SomebodyElses)
{
    EXPECT_EQ(judge(with(v2(), "ver", "\"3.0\"")), Reason::version);
    EXPECT_EQ(judge(with(v2(), "ver", "2.0")), Reason::version);
    EXPECT_EQ(judge(with(v2(), "iss", quoted(std::string("https://login.microsoftonline.com/") + other + "/v2.0"))), Reason::issuer);
    EXPECT_EQ(judge(with(v2(), "iss", quoted(std::string("https://login.microsoftonline.com/") + tenant + "/v2.0/"))), Reason::issuer);
    EXPECT_EQ(judge(with(v2(), "tid", quoted(other))), Reason::tenant);
    EXPECT_EQ(judge(with(v2(), "tid", "\"11111111-2222-3333-4444-55555555555A\"")), Reason::tenant);
    EXPECT_EQ(judge(with(v2(), "aud", "\"00000003-0000-0000-c000-000000000000\"")), Reason::audience);
    EXPECT_EQ(judge(with(v2(), "aud", R"(["app","other"])")), Reason::audience);
    EXPECT_EQ(judge(with(v2(), "aud", "\"app, api://app\"")), Reason::audience);
    EXPECT_EQ(judge(with(v2(), "oid", quoted(other))), Reason::person);
    EXPECT_EQ(judge(with(v2(), "oid", "\"AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE\"")), Reason::person_missing);
    entra::Expected wrong = expected_of_v2();
    wrong.issuer = "https://login.microsoftonline.com/common/v2.0";
    EXPECT_EQ(judged(with(v2(), "iss", quoted(std::string(wrong.issuer))), wrong).reason, Reason::issuer) << "an issuer of all tenants";
    wrong = expected_of_v2();
    wrong.tenant = "";
    EXPECT_NE(judged(v2(), wrong).reason, Reason::good);
    wrong = expected_of_v2();
    wrong.audience = "";
    EXPECT_EQ(judged(v2(), wrong).reason, Reason::audience);
    wrong = expected_of_v2();
    wrong.scope = "";
    EXPECT_EQ(judged(v2(), wrong).reason, Reason::scope);
    wrong = expected_of_v2();
    wrong.oid = "";
    EXPECT_EQ(judged(with(v2(), "oid", "\"\""), wrong).reason, Reason::person_missing);
}

TEST(Entra, Applications)
{
    EXPECT_EQ(judge(with(v2(), "idtyp", "\"app\"")), Reason::application);
    EXPECT_EQ(judge(with(v2(), "idtyp", "\"device\"")), Reason::application);
    EXPECT_EQ(judge(with(v2(), "idtyp", "null")), Reason::application);
    EXPECT_EQ(judge(with(without(v2(), "scp"), "roles", R"(["db.elevate"])")), Reason::scope);
    EXPECT_EQ(judge(with(v2(), "scp", "\"db.elevated xdb.elevate db\"")), Reason::scope);
    entra::Expected pinned = expected_of_v2();
    pinned.clients = "cli,az";
    EXPECT_EQ(judged(v2(), pinned).reason, Reason::good);
    pinned.clients = "cli";
    EXPECT_EQ(judged(v2(), pinned).reason, Reason::client);
    EXPECT_EQ(judged(with(v2(), "appid", "\"cli\""), pinned).reason, Reason::client) << "appid is of v1";
    EXPECT_EQ(judged(without(v2(), "azp"), pinned).reason, Reason::client);
    pinned = expected_of_v1();
    pinned.clients = "az";
    EXPECT_EQ(judged(v1(), pinned).reason, Reason::good);
}

TEST(Entra, Times)
{
    EXPECT_EQ(judge(with(v2(), "exp", std::to_string(now - 60))), Reason::expired);
    EXPECT_EQ(judge(with(v2(), "exp", std::to_string(now - 59))), Reason::good);
    EXPECT_EQ(judge(with(v2(), "nbf", std::to_string(now + 61))), Reason::not_yet);
    EXPECT_EQ(judge(with(v2(), "nbf", std::to_string(now + 60))), Reason::good);
    EXPECT_EQ(judge(with(v2(), "iat", std::to_string(now + 61))), Reason::not_yet);
    EXPECT_EQ(judge(with(v2(), "auth_time", std::to_string(now + 61))), Reason::not_yet);
    EXPECT_EQ(judge(with(v2(), "auth_time", std::to_string(now - 300))), Reason::stale);
    EXPECT_EQ(judge(with(v2(), "auth_time", std::to_string(now - 299))), Reason::good);
    EXPECT_EQ(judge(without(v2(), "auth_time")), Reason::stale_issue);
    EXPECT_EQ(judge(with(without(v2(), "auth_time"), "iat", std::to_string(now - 299))), Reason::good);
    for (const char *wrong : {"1e9", "\"1800000000\"", "1.5", "-1", "0", "99999999999999999999", "9223372036854775807", "-9223372036854775808", "[]"})
        for (const char *name : {"exp", "nbf", "iat", "auth_time"})
            EXPECT_EQ(judge(with(v2(), name, wrong)), Reason::times) << name << wrong;
}

TEST(Entra, SeveralFactors)
{
    EXPECT_EQ(judge(with(v2(), "acrs", R"(["c11","c","C1"])")), Reason::no_context);
    EXPECT_EQ(judge(with(v2(), "acrs", "\"c1\"")), Reason::no_context);
    EXPECT_EQ(judge(with(without(v2(), "acrs"), "amr", R"(["mfa"])")), Reason::no_context);
    entra::Expected none = expected_of_v2();
    none.context = "";
    EXPECT_EQ(judged(with(v2(), "amr", R"(["mfa"])"), none).reason, Reason::no_mfa) << "amr of v2 is not Entra's";
    EXPECT_EQ(judged(with(v1(), "amr", R"(["pwd"])"), expected_of_v1()).reason, Reason::no_mfa);
    EXPECT_EQ(judged(with(v1(), "amr", "\"mfa\""), expected_of_v1()).reason, Reason::no_mfa);
    entra::Expected both = expected_of_v1();
    both.context = "c1";
    EXPECT_EQ(judged(v1(), both).reason, Reason::no_context) << "what is configured is needed";
    EXPECT_EQ(judged(with(v1(), "acrs", R"(["c1"])"), both).reason, Reason::good);
}

TEST(Entra, NoObjectIsGood)
{
    for (const char *text : {"", "[]", "{}", "null", "\"x\""})
        EXPECT_NE(entra::judge(json::parse(text), expected_of_v2(), now).reason, Reason::good);
    for (int reason = 1; reason <= static_cast<int>(Reason::stale_issue); reason++)
        EXPECT_FALSE(entra::words(static_cast<Reason>(reason)).empty()) << reason;
}

TEST(Entra, Labels)
{
    entra::Label label{};
    const std::string good = std::string("entra,oid=") + oid + ",tid=" + tenant + ",type=user";
    ASSERT_TRUE(entra::read_label(good, &label));
    EXPECT_EQ(label.oid, oid);
    EXPECT_EQ(label.tid, tenant);
    for (const std::string &wrong :
         {std::string{}, std::string{"entra"}, good + " ", " " + good, good.substr(0, good.size() - 1), std::string("entra,oid=") + oid,
          std::string("entra,tid=") + tenant + ",oid=" + oid + ",type=user", std::string("entra,oid=") + oid + ",tid=" + tenant + ",type=group",
          std::string("entra,oid=AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee,tid=") + tenant + ",type=user"})
        EXPECT_FALSE(entra::read_label(wrong, &label)) << wrong;
}

TEST(Entra, Settings)
{
    EXPECT_TRUE(entra::is_guid(tenant));
    EXPECT_FALSE(entra::is_guid("11111111-2222-3333-4444-55555555555"));
    EXPECT_FALSE(entra::is_guid("11111111122223333344444555555555555x"));
    EXPECT_EQ(entra::word_of_scope("api://app/db.elevate"), "db.elevate");
    EXPECT_EQ(entra::word_of_scope("db.elevate"), "db.elevate");
    EXPECT_TRUE(entra::is_scope("api://app/db.elevate"));
    EXPECT_FALSE(entra::is_scope("api://app/"));
    EXPECT_FALSE(entra::is_scope("x y"));
    EXPECT_FALSE(entra::is_scope("x\"; rm -rf"));
    EXPECT_TRUE(entra::is_context("c1"));
    EXPECT_FALSE(entra::is_context("c1\""));
    EXPECT_TRUE(entra::is_listed("b", "a, b ,c"));
    EXPECT_FALSE(entra::is_listed("", "a,,c"));
    EXPECT_FALSE(entra::is_listed("a,b", "a,b"));
    std::array<char, 64> out{};
    std::size_t length = 0;
    ASSERT_TRUE(entra::fill_tenant("https://x/{tenantid}/", "T", out, &length));
    EXPECT_EQ(std::string_view(out.data(), length), "https://x/T/");
    EXPECT_FALSE(entra::fill_tenant("https://x/{tenantid}/", tenant, std::span{out}.first(20), &length));
}

} // namespace
