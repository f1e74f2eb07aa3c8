#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/json/json.h"

namespace nestor::agent {

// One object of a configuration, read name by name. All its errors are InvalidArgument and begin
// with "line L, column C: ". `document` and `text`, which it was parsed from, must outlive it.
class Section {
 public:
  // A string and where it stands.
  struct Text {
    std::string value;
    size_t offset = 0;
  };

  // The outermost object. An error: the document is something else, or has a name not in `known`.
  static absl::StatusOr<Section> Outermost(const json::Document& document, std::string_view text,
                                           const std::vector<std::string_view>& known);

  // The object that is the member `name`; nullopt: there is none. An error as for Outermost().
  absl::StatusOr<std::optional<Section>> Find(std::string_view name,
                                              const std::vector<std::string_view>& known) const;
  absl::StatusOr<Section> Required(std::string_view name,
                                   const std::vector<std::string_view>& known) const;

  // The string that is the member `name`; nullopt: there is none. An error: it is no string, or it
  // is empty where it is required.
  absl::StatusOr<std::optional<Text>> FindText(std::string_view name) const;
  absl::StatusOr<Text> RequiredText(std::string_view name) const;

  // The true or false that is the member `name`; false: there is none. An error: it is neither.
  absl::StatusOr<bool> Flag(std::string_view name) const;

  // An error at `offset` of the text, at the name of this section, and at the member `name`.
  absl::Status ErrorAt(size_t offset, std::string_view what) const;
  absl::Status ErrorHere(std::string_view what) const { return ErrorAt(offset_, what); }
  absl::Status Missing(std::string_view name, std::string_view hint = {}) const;

 private:
  Section(const json::Document& document, std::string_view text, const json::Value& object,
          std::string path, size_t offset)
      : document_(&document),
        text_(text),
        object_(&object),
        path_(std::move(path)),
        offset_(offset) {}

  absl::Status CheckNames(const std::vector<std::string_view>& known) const;
  const json::Value* NameOf(std::string_view name) const;

  const json::Document* document_;
  std::string_view text_;
  const json::Value* object_;
  std::string path_;  // "services.dhcp4"; empty: the outermost
  size_t offset_;     // of its name
};

}  // namespace nestor::agent
