#include "common/watch/lease_notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"

namespace nestor::watch {
namespace {

using ::testing::HasSubstr;

// As libdhcp_nestor.so writes them.
constexpr std::string_view kV4 =
    R"({"notice":"lease","event":"committed","address":"192.0.2.7","subnet-id":12,)"
    R"("hw-address":"00:0c:01:02:03:04","state":0,"cltt":1700000000,"valid-lifetime":600,)"
    R"("hostname":"pc7.example","client-id":"01:00:0c:01:02:03:04"})";
constexpr std::string_view kPrefix =
    R"({"notice":"lease","event":"released","address":"2001:db8:7::","subnet-id":3,"state":2,)"
    R"("cltt":1700000000,"valid-lifetime":4294967295,"prefix-length":56,)"
    R"("duid":"00:01:00:01:52:7b","iaid":4294967295})";

std::string With(std::string_view text, std::string_view what, std::string_view instead) {
  std::string changed(text);
  const size_t at = changed.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return changed.replace(at, what.size(), instead);
}

// What is wrong with `notice`, or "" if nothing is.
std::string Wrong(std::string_view notice, DhcpService service = DhcpService::kDhcp4) {
  const auto lease = ParseLeaseNotice(service, notice);
  if (lease.ok()) return "";
  EXPECT_EQ(lease.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(Message(lease.status()));
}
std::string WrongWith(std::string_view what, std::string_view instead) {
  return Wrong(With(kV4, what, instead));
}

TEST(LeaseNoticeTest, AnAddressOfDhcpv4) {
  const auto lease = ParseLeaseNotice(DhcpService::kDhcp4, kV4);
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->address(), "192.0.2.7");
  EXPECT_EQ(lease->prefix_length(), 0u);
  EXPECT_EQ(lease->subnet_id(), 12u);
  EXPECT_EQ(lease->hw_address(), "00:0c:01:02:03:04");
  EXPECT_EQ(lease->client_id(), "01:00:0c:01:02:03:04");
  EXPECT_EQ(lease->identifier(), lease->client_id());
  EXPECT_EQ(lease->state(), "default");
  EXPECT_EQ(lease->happened(), "committed");
  EXPECT_EQ(lease->valid_lifetime(), 600u);
  EXPECT_EQ(lease->expires().seconds(), 1'700'000'600);
  EXPECT_EQ(lease->hostname(), "pc7.example");
}

TEST(LeaseNoticeTest, APrefixOfDhcpv6ForEver) {
  const auto lease = ParseLeaseNotice(DhcpService::kDhcp6, kPrefix);
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->address(), "2001:db8:7::");
  EXPECT_EQ(lease->prefix_length(), 56u);
  EXPECT_EQ(lease->duid(), "00:01:00:01:52:7b");
  EXPECT_EQ(lease->identifier(), lease->duid());
  EXPECT_EQ(lease->iaid(), 4'294'967'295u);
  EXPECT_EQ(lease->state(), "expired-reclaimed");
  EXPECT_EQ(lease->happened(), "released");
  EXPECT_FALSE(lease->has_expires());
}

TEST(LeaseNoticeTest, WithoutAClientIdTheHardwareAddressIdentifies) {
  const auto lease = ParseLeaseNotice(DhcpService::kDhcp4,
                                      With(kV4, R"(,"client-id":"01:00:0c:01:02:03:04")", ""));
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ(lease->identifier(), "00:0c:01:02:03:04");
}

TEST(LeaseNoticeTest, AStateOfALaterKeaIsItsNumber) {
  const auto lease =
      ParseLeaseNotice(DhcpService::kDhcp4, With(kV4, R"("state":0)", R"("state":9)"));
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ(lease->state(), "9");
}

TEST(LeaseNoticeTest, WhatIsNoLeaseIsRefused) {
  EXPECT_EQ(Wrong(kV4), "");
  EXPECT_NE(Wrong(""), "");
  EXPECT_NE(Wrong(kV4.substr(0, kV4.size() - 1)), "") << "cut short";
  EXPECT_NE(Wrong(std::string(100'000, '[')), "");
  EXPECT_THAT(Wrong("[]"), HasSubstr("object"));
  EXPECT_THAT(Wrong("{}"), HasSubstr("notice"));
  EXPECT_THAT(WrongWith(R"("lease")", R"("configuration")"), HasSubstr("notice"));
  EXPECT_THAT(WrongWith("committed", "stolen"), HasSubstr("event"));
  EXPECT_THAT(WrongWith(R"("committed")", "1"), HasSubstr("event"));
  EXPECT_THAT(WrongWith("192.0.2.7", "192.0.2.700"), HasSubstr("address"));
  EXPECT_THAT(WrongWith("192.0.2.7", ""), HasSubstr("address"));
  EXPECT_THAT(WrongWith("192.0.2.7", R"(192.0.2.7\u0000x)"), HasSubstr("address"));
  EXPECT_THAT(WrongWith(":12,", ":-1,"), HasSubstr("subnet-id"));
  EXPECT_THAT(WrongWith(":12,", ":4294967296,"), HasSubstr("subnet-id"));
  EXPECT_THAT(WrongWith(":12,", R"(:12,"prefix-length":56,)"), HasSubstr("prefix-length"));
  EXPECT_THAT(WrongWith("00:0c:01", R"(\u001b[2J)"), HasSubstr("hw-address"));
  EXPECT_THAT(WrongWith("1700000000", "253402300799"), HasSubstr("cltt"));
  EXPECT_THAT(WrongWith(R"("pc7.example")", "[7]"), HasSubstr("hostname"));
  EXPECT_NE(WrongWith("pc7", "\xff"), "") << "no UTF-8";
  EXPECT_THAT(Wrong(kV4, DhcpService::kDhcp6), HasSubstr("address"));
  EXPECT_THAT(Wrong(kPrefix, DhcpService::kDhcp4), HasSubstr("address"));
}

TEST(LeaseNoticesTest, AreTakenInOrder) {
  LeaseNotices notices;
  notices.Add("first");
  notices.Add("second");
  EXPECT_EQ(notices.Take(), "first");
  notices.Add("third");
  EXPECT_EQ(notices.Take(), "second");
  EXPECT_EQ(notices.Take(), "third");
  EXPECT_EQ(notices.Take(), std::nullopt);
  EXPECT_EQ(notices.dropped(), 0u);
}

TEST(LeaseNoticesTest, WhatFindsNoRoomIsLostAndCounted) {
  LeaseNotices notices;
  for (size_t i = 0; i < LeaseNotices::kMost + 3; ++i) notices.Add(std::to_string(i));
  EXPECT_EQ(notices.dropped(), 3u);
  EXPECT_EQ(notices.Take(), "0") << "what was there stays";
  notices.Add("later");
  EXPECT_EQ(notices.dropped(), 3u);
  size_t left = 0;
  std::optional<std::string> last;
  while (auto notice = notices.Take()) {
    last = std::move(notice);
    ++left;
  }
  EXPECT_EQ(left, LeaseNotices::kMost);
  EXPECT_EQ(last, "later");
}

}  // namespace
}  // namespace nestor::watch
