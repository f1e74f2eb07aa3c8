#pragma once

#include <algorithm>
#include <string_view>

#include "common/json/json.h"

namespace nestor::ha {

// The file's name of a library as a configuration has it, and the folder it is in, which is empty
// where Kea is to look it up.
inline std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}
inline std::string_view FolderOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// The first library called `name` among `libraries`, or nullptr.
template <typename AnyValue>
AnyValue* FindLibrary(AnyValue& libraries, std::string_view name) {
  const auto found = std::find_if(libraries.Begin(), libraries.End(), [&](const json::Value& one) {
    return BaseName(json::FindString(one, "library")) == name;
  });
  return found == libraries.End() ? nullptr : &*found;
}

// The first relationship in `parameters` of the HA hook, or nullptr.
inline const json::Value* FirstRelationshipIn(const json::Value& parameters) {
  const json::Value* const list = json::Find(parameters, "high-availability");
  if (list == nullptr || !list->IsArray() || list->Empty()) return nullptr;
  return (*list)[0].IsObject() ? &(*list)[0] : nullptr;
}
// The same of a library.
inline const json::Value* FirstRelationship(const json::Value& library) {
  const json::Value* const parameters = json::Find(library, "parameters");
  return parameters == nullptr ? nullptr : FirstRelationshipIn(*parameters);
}

}  // namespace nestor::ha
