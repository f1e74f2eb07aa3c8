#pragma once

namespace nestor::ctl {

// What nestorctl exits with besides what an agent says (0, 1 and 2 are a verb's own).
inline constexpr int kDone = 0;
inline constexpr int kUsage = 64;
inline constexpr int kRefused = 65;
inline constexpr int kNotReachable = 69;
inline constexpr int kInternal = 70;
inline constexpr int kUnknownState = 75;

}  // namespace nestor::ctl
