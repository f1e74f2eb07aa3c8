#include "common/hook/local.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_hook/hook_fixture.h"
#include "tests/unit/common_hook/scripted_kea.h"

namespace nestor::hook {
namespace {

using LocalTest = HookFixture;

absl::StatusOr<LocalPart> Read(kea::KeaControl& kea, std::string_view file = {}) {
  return ReadLocalPart(kea, DhcpService::kDhcp4, file, kTimeout);
}
absl::StatusCode CodeOf(std::string_view arguments) {
  ScriptedKea kea({Well(arguments)});
  return Read(kea).status().code();
}

TEST_F(LocalTest, HasWhatIsNotMirroredAndNothingElse) {
  const auto part = Read(kea_, "/etc/kea/kea.conf");
  ASSERT_TRUE(part.ok()) << Message(part.status());
  const json::Value* root = json::Find(*part->arguments, "Dhcp4");
  ASSERT_NE(root, nullptr);
  EXPECT_EQ(root->MemberCount(), 1u);
  EXPECT_NE(json::Find(*root, "hooks-libraries"), nullptr);
  EXPECT_EQ(part->file,
            (FileIdentity{testing::FakeKea::kFileDevice, testing::FakeKea::kFileInode}));
}

TEST_F(LocalTest, AsksForTheFileByItsPath) {
  ScriptedKea kea({Well(R"({"revision":"a:1","local":{"Dhcp4":{}}})")});
  const auto part = Read(kea, "/etc/k\"ea");
  ASSERT_TRUE(part.ok()) << Message(part.status());
  EXPECT_FALSE(part->file.has_value());
  EXPECT_EQ(kea.sent.front().second, R"({"local":true,"file":"/etc/k\"ea"})");
}

TEST_F(LocalTest, OfAKeaWithoutTheLibraryIsNotFound) {
  EXPECT_TRUE(kea_.Set(R"({"Dhcp4":{}})"));
  EXPECT_EQ(Read(kea_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(LocalTest, AnAnswerOfAnotherShapeIsNotBelieved) {
  EXPECT_EQ(CodeOf(R"({"revision":"a:1"})"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf(R"({"local":{"Dhcp6":{}}})"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf(R"({"local":{"Dhcp4":[]}})"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf(R"({"local":{"Dhcp4":{}},"file":{"device":1}})"), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace nestor::hook
