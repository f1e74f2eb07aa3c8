#pragma once

#include <cc/data.h>

#include "kea-hook/object.h"

namespace nestor::hook {

// Holds an object against the words that Kea's grammar knows, and the types of their values: a file
// is checked by the grammar, and a command is not. F is V4 or V6. Throws Kea's exceptions, which
// name the word.
template <typename F>
void CheckWords(Kind kind, const isc::data::ConstElementPtr& object);

}  // namespace nestor::hook
