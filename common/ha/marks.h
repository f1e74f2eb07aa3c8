// What Nestor writes into an object of a configuration (a subnet, a pool) so that it can undo what
// it did to it: members of its user-context, and the classes of clients it is for.
#pragma once

#include <absl/status/status.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/json/json.h"

namespace nestor::ha {

// Adds the member `name` to the user-context of `object`, one of `document`.
// InvalidArgument: the user-context is not a map.
absl::Status AddMark(std::string_view name, json::Value value, json::Document& document,
                     json::Value& object);
// The member `name` of the user-context of `object`, or nullptr.
const json::Value* FindMark(const json::Value& object, std::string_view name);
// Takes the member out; the user-context is then as it was before AddMark().
void RemoveMark(std::string_view name, json::Value& object);

// The names of the classes whose clients `object` is for; empty: it is for all.
std::vector<std::string> ClassesOf(const json::Value& object);
// Makes `object` one for `classes` alone, in the common form of common/config/dialect.h: one is its
// "client-class", several are its "client-classes".
void SetClasses(const std::vector<std::string>& classes, json::Document& document,
                json::Value& object);

// A value of `document` with this text.
json::Value TextValue(std::string_view text, json::Document& document);
// Adds or replaces the member `name` of `object`.
void SetMember(std::string_view name, json::Value value, json::Document& document,
               json::Value& object);
// Takes the member `name` out of `object`, if it is there.
void RemoveMember(std::string_view name, json::Value& object);

}  // namespace nestor::ha
