#include "common/runtime/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace nestor::runtime {
namespace {

TEST(DescriptorsTest, AllowsAsManyAsTheHardLimitDoes) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlim_t most = limit.rlim_max;
  limit.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  AllowManyDescriptors();
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, most);
  EXPECT_EQ(limit.rlim_max, most);
}

}  // namespace
}  // namespace nestor::runtime
