#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/config/object_set.h"
#include "common/config/written.h"
#include "common/kea/kea_control.h"

// Reading a Kea's configuration object by object, from libdhcp_nestor.so: docs/kea-hook.md.
//
// Worker threads only, as KeaControl. Errors of all of these as KeaControl::Send, and
// NotFound            this Kea does not know the command: the library is not loaded.
// FailedPrecondition  Kea refused; the text holds its words.
// DataLoss            also where the answer is not as documented; the text says what is wrong.
// InvalidArgument     the question holds characters that Kea cannot write; nothing was sent.
namespace nestor::hook {

// What the library says of some objects. What belongs to one server is left out.
struct Objects {
  std::string revision;  // "<instance>:<generation>", of the configuration they are from
  bool whole = false;    // what changed cannot be told: the whole is to be read
  // `upserted` are those that are there, `removed` those that are not.
  config::ChangeSet changed;
  std::string next;  // the cursor of the slice behind this one; empty: this was the last
};

// These objects, as they are now.
absl::StatusOr<Objects> ReadObjects(kea::KeaControl& kea, const std::vector<config::ObjectId>& ids,
                                    absl::Duration timeout);

// All that changed since `revision`, or nothing but `whole`.
absl::StatusOr<Objects> ReadSince(kea::KeaControl& kea, std::string_view revision,
                                  absl::Duration timeout);

// One slice of all objects, at most 2 ms of Kea's time: that behind `cursor`, an earlier slice's
// `next`, or the first where it is empty. Slices of different revisions do not make one
// configuration.
absl::StatusOr<Objects> ReadAfter(kea::KeaControl& kea, std::string_view cursor,
                                  absl::Duration timeout);

// The global parameters of a configuration that sets none.
absl::StatusOr<Objects> ReadDefaultGlobals(kea::KeaControl& kea, absl::Duration timeout);

// The codes of these options; one that is not defined is left out.
absl::StatusOr<std::vector<config::OptionCode>> ReadOptionCodes(
    kea::KeaControl& kea, const std::vector<config::OptionName>& names, absl::Duration timeout);

}  // namespace nestor::hook
