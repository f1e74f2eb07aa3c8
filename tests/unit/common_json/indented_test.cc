#include <gtest/gtest.h>

#include "common/json/json.h"

namespace nestor::json {
namespace {

TEST(IndentedTest, LooksAsKeasFilesDo) {
  EXPECT_EQ(
      Indented(R"({"Dhcp4":{"a":[],"b":{},"c":[1,"x, [y]"],"d":[{"e":"\"{\\"},[2]],"f":-1.5}})"),
      R"({
    "Dhcp4": {
        "a": [ ],
        "b": { },
        "c": [ 1, "x, [y]" ],
        "d": [
            {
                "e": "\"{\\"
            },
            [ 2 ]
        ],
        "f": -1.5
    }
})");
}

TEST(IndentedTest, PlainValuesAndWhatIsCutOffEnd) {
  EXPECT_EQ(Indented("7"), "7");
  EXPECT_EQ(Indented(R"("x")"), R"("x")");
  EXPECT_EQ(Indented("[]"), "[ ]");
}

}  // namespace
}  // namespace nestor::json
