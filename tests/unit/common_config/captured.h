#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "common/base/status.h"
#include "common/config/kea_config.h"

namespace nestor::config {

// The text of data/<name>.json: what a real Kea 2.2.0 answered to config-get.
inline std::string Captured(std::string_view name) {
  const auto folder = std::filesystem::path(__FILE__).parent_path() / "data";
  std::ifstream file(folder / fmt::format("{}.json", name));
  EXPECT_TRUE(file.is_open()) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline json::Document MustParse(std::string text) {
  auto document = json::ParseKea(std::move(text));
  EXPECT_TRUE(document.ok()) << Message(document.status());
  return document.ok() ? *std::move(document) : json::Document();
}

inline ObjectSet MustExtract(DhcpService service, const json::Value& arguments) {
  auto set = Extract(service, arguments);
  EXPECT_TRUE(set.ok()) << Message(set.status());
  return set.ok() ? *std::move(set) : ObjectSet();
}

inline ObjectSet MustExtract(DhcpService service, std::string text) {
  return MustExtract(service, MustParse(std::move(text)).root());
}

// The text of an object, or "" where it is not.
inline std::string TextOf(const ObjectSet& set, Kind kind, std::string key) {
  const Object* object = set.Find({kind, std::move(key)});
  return object == nullptr ? std::string() : object->json;
}

}  // namespace nestor::config
