#include "kea-hook/commands.h"

#include <cc/command_interpreter.h>
#include <kea_version.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <map>

#include "kea-hook/globals.h"
#include "kea-hook/local.h"
#include "kea-hook/packed.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;

// A page's share of Kea's time, of which writing the answer takes about as much again.
constexpr std::chrono::microseconds kPageBudget(700);

ElementPtr Text(const std::string& text) { return Element::create(text); }

ElementPtr Number(uint64_t number) { return Element::create(static_cast<int64_t>(number)); }

ElementPtr ToElement(const ObjectId& id) {
  ElementPtr map = Element::createMap();
  map->set("kind", Text(KindName(id.kind)));
  map->set("key", Text(id.key));
  return map;
}

ElementPtr ToElement(const Notifier::Counts& counts) {
  ElementPtr map = Element::createMap();
  map->set("sent", Number(counts.sent));
  map->set("dropped", Number(counts.dropped));
  return map;
}

void Add(const std::vector<Object>& objects, const ElementPtr& answer) {
  const ElementPtr present = Element::createList(), absent = Element::createList();
  for (const Object& object : objects) {
    const ElementPtr map = ToElement(object.id);
    if (object.value) map->set("object", boost::const_pointer_cast<Element>(object.value));
    (object.value ? present : absent)->add(map);
  }
  answer->set("objects", present);
  answer->set("absent", absent);
}

const char* const kTypeNames[] = {"an integer", "a real number", "true or false", "null",
                                  "a string",   "a list",        "a map"};

// The argument `name`, or null. Throws Refused where it is of another type.
ConstElementPtr Argument(const ConstElementPtr& map, const char* name, Element::types type) {
  ConstElementPtr value = map->get(name);
  if (value && value->getType() != type) {
    throw Refused(kMalformed, std::string(name) + " must be " + kTypeNames[type]);
  }
  return value;
}

void CheckNames(const ConstElementPtr& map, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : map->mapValue()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Refused(kMalformed, "there is no argument " + name);
    }
  }
}

void CheckIsMap(const ConstElementPtr& value, const char* what) {
  if (!value || value->getType() != Element::map) {
    throw Refused(kMalformed, std::string(what) + " must be a map");
  }
}

ObjectId ParseId(const ConstElementPtr& map) {
  const ConstElementPtr kind = Argument(map, "kind", Element::string);
  const ConstElementPtr key = Argument(map, "key", Element::string);
  if (!kind || !key) throw Refused(kMalformed, "each object needs a kind and a key");
  const auto known = KindFromName(kind->stringValue());
  if (!known) throw Refused(kMalformed, "there is no kind " + kind->stringValue());
  if (key->stringValue().empty()) throw Refused(kMalformed, "a key is empty");
  return {*known, key->stringValue()};
}

std::vector<ObjectId> ParseIds(const ConstElementPtr& list) {
  std::vector<ObjectId> ids;
  for (const ElementPtr& one : list->listValue()) {
    CheckIsMap(one, "an object's name");
    CheckNames(one, {"kind", "key"});
    ids.push_back(ParseId(one));
  }
  return ids;
}

// Kea and its clients go through values by recursion.
constexpr int kDeepest = 100;

bool IsDeeperThan(int levels, const Element& value) {
  const auto deeper = [levels](const auto& one) { return IsDeeperThan(levels - 1, *one); };
  if (value.getType() == Element::list) {
    const auto& list = value.listValue();
    return levels == 0 || std::any_of(list.begin(), list.end(), deeper);
  }
  if (value.getType() != Element::map) return false;
  const auto& map = value.mapValue();
  return levels == 0 || std::any_of(map.begin(), map.end(),
                                    [&](const auto& member) { return deeper(member.second); });
}

std::vector<Object> ParseObjects(const ConstElementPtr& list) {
  std::vector<Object> objects;
  for (const ElementPtr& one : list->listValue()) {
    CheckIsMap(one, "an object");
    CheckNames(one, {"kind", "key", "object"});
    ObjectId id = ParseId(one);
    const ConstElementPtr value = one->get("object");
    if (!value || value->getType() == Element::null) {
      throw Refused(kMalformed, std::string(KindName(id.kind)) + " " + id.key + " has no object");
    }
    if (IsDeeperThan(kDeepest, *value)) {
      throw Refused(kMalformed, std::string(KindName(id.kind)) + " " + id.key + " is deeper than " +
                                    std::to_string(kDeepest) + " levels");
    }
    objects.push_back({std::move(id), value});
  }
  return objects;
}

std::string WordIn(const ConstElementPtr& map, const char* name) {
  const ConstElementPtr value = Argument(map, name, Element::string);
  if (!value) throw Refused(kMalformed, std::string("an option's name needs ") + name);
  return value->stringValue();
}

// The options of `list` that are defined, with their codes.
ElementPtr OptionCodes(const RunningConfiguration& running, const ConstElementPtr& list) {
  ElementPtr known = Element::createList();
  for (const ElementPtr& one : list->listValue()) {
    CheckIsMap(one, "an option's name");
    CheckNames(one, {"space", "name"});
    const std::string space = WordIn(one, "space"), name = WordIn(one, "name");
    const auto code = running.OptionCode(space, name);
    if (!code) continue;
    const ElementPtr map = Element::createMap();
    map->set("space", Text(space));
    map->set("name", Text(name));
    map->set("code", Number(*code));
    known->add(map);
  }
  return known;
}

ConstElementPtr Refusing(const Refused& refusal) {
  const ElementPtr arguments = Element::createMap();
  arguments->set("reason", Text(refusal.reason()));
  if (!refusal.objects().empty()) {
    const ElementPtr list = Element::createList();
    for (const Refusal& one : refusal.objects()) {
      const ElementPtr map = ToElement(one.id);
      map->set("text", Text(one.text));
      list->add(map);
    }
    arguments->set("refused", list);
  }
  return isc::config::createAnswer(isc::config::CONTROL_RESULT_ERROR, refusal.what(), arguments);
}

// Nothing that goes wrong reaches Kea as an exception.
ConstElementPtr Answer(const std::function<ElementPtr()>& work, uint64_t& refused) {
  try {
    return isc::config::createAnswer(isc::config::CONTROL_RESULT_SUCCESS, work());
  } catch (const Refused& refusal) {
    ++refused;
    return Refusing(refusal);
  } catch (const std::exception& error) {
    ++refused;
    return Refusing(Refused(kRefused, error.what()));
  } catch (...) {
    ++refused;
    return Refusing(Refused(kRefused, "an error without a text"));
  }
}

ConstElementPtr Unpacked(const ConstElementPtr& arguments) {
  const bool packed =
      arguments && arguments->getType() == Element::map && arguments->contains("packed");
  if (!packed) return arguments;
  CheckNames(arguments, {"packed"});
  return Unpack(Argument(arguments, "packed", Element::string)->stringValue());
}

// Those of `after` that are not as they were given.
std::vector<Object> Otherwise(const std::vector<Object>& after, const std::vector<Object>& given) {
  std::map<ObjectId, ConstElementPtr> values;
  for (const Object& object : given) values[object.id] = object.value;
  std::vector<Object> otherwise;
  std::copy_if(
      after.begin(), after.end(), std::back_inserter(otherwise), [&](const Object& object) {
        const auto found = values.find(object.id);
        return found == values.end() || !object.value || !object.value->equals(*found->second);
      });
  return otherwise;
}

// Commands that change the configuration without a reload, by what their names hold.
bool ChangesWithoutReload(std::string_view command) {
  const auto holds_one_of = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
      return command.find(word) != std::string_view::npos;
    });
  };
  return !command.starts_with("remote-") && holds_one_of({"-add", "-del", "-update"}) &&
         holds_one_of({"subnet", "network", "reservation", "class"});
}

}  // namespace

Commands::Commands(const std::string& socket)
    : notifier_(socket), running_(MakeRunningConfiguration()) {}

ConstElementPtr Commands::Status(const ConstElementPtr& arguments) {
  const auto work = [&] {
    if (arguments && !arguments->empty()) {
      throw Refused(kMalformed, "nestor-status has no arguments");
    }
    ElementPtr status = Element::createMap();
    status->set("version", Text(NESTOR_VERSION));
    status->set("kea", Text(NESTOR_KEA_VERSION_TEXT));
    status->set("service", Text(running_->service()));
    status->set("revision", Text(revision_.Text()));
    status->set("ha-mode", Text(running_->HaMode()));
    status->set("config-backend", Text(running_->ConfigBackend()));
    status->set("socket", Text(notifier_.path()));
    status->set("notices", ToElement(notifier_.configurations()));
    status->set("leases", ToElement(notifier_.leases()));
    status->set("takes-packed", Element::create(true));
    status->set("queued", Element::create(static_cast<int64_t>(notifier_.queued())));
    status->set("config-set-failed", Element::create(config_set_failed_.load()));
    status->set("applied", Number(applied_));
    status->set("refused", Number(refused_));
    const ElementPtr names = Element::createList();
    for (const std::string& name : GlobalsThatNeedConfigSet()) names->add(Text(name));
    status->set("needs-config-set", names);
    return status;
  };
  return Answer(work, refused_);
}

ConstElementPtr Commands::Get(const ConstElementPtr& arguments) {
  return Answer([&] { return Read(arguments); }, refused_);
}

ElementPtr Commands::Read(const ConstElementPtr& arguments) const {
  CheckIsMap(arguments, "the arguments of nestor-get");
  if (arguments->contains("local")) return ReadLocal(arguments);
  CheckNames(arguments, {"objects", "since", "after", "option-codes", "default-globals"});
  if (arguments->size() != 1) {
    throw Refused(kMalformed,
                  "nestor-get takes one of objects, since, after, option-codes, default-globals "
                  "and local");
  }
  ElementPtr answer = Element::createMap();
  answer->set("revision", Text(revision_.Text()));
  if (const ConstElementPtr list = Argument(arguments, "objects", Element::list)) {
    Add(running_->Read(ParseIds(list)), answer);
  } else if (const ConstElementPtr since = Argument(arguments, "since", Element::string)) {
    if (const auto changed = revision_.Since(since->stringValue())) {
      Add(running_->Read({changed->begin(), changed->end()}), answer);
    } else {
      answer->set("whole", Element::create(true));
    }
  } else if (const ConstElementPtr names = Argument(arguments, "option-codes", Element::list)) {
    answer->set("option-codes", OptionCodes(*running_, names));
  } else if (Argument(arguments, "default-globals", Element::boolean)) {
    Add(running_->DefaultGlobals(), answer);
  } else {
    const ConstElementPtr after = Argument(arguments, "after", Element::string);
    const RunningConfiguration::Page page = running_->ReadOn(after->stringValue(), kPageBudget);
    Add(page.objects, answer);
    if (!page.next.empty()) answer->set("next", Text(page.next));
  }
  return answer;
}

ElementPtr Commands::ReadLocal(const ConstElementPtr& arguments) const {
  CheckNames(arguments, {"local", "file"});
  if (!Argument(arguments, "local", Element::boolean)->boolValue()) {
    throw Refused(kMalformed, "local can only be true");
  }
  ElementPtr answer = Element::createMap();
  answer->set("revision", Text(revision_.Text()));
  answer->set("local", running_->LocalPart());
  if (const ConstElementPtr file = Argument(arguments, "file", Element::string)) {
    if (const ElementPtr identity = IdentityOf(file->stringValue())) answer->set("file", identity);
  }
  return answer;
}

ConstElementPtr Commands::Apply(const ConstElementPtr& arguments) {
  return Answer([&] { return Change(Unpacked(arguments)); }, refused_);
}

ElementPtr Commands::Change(const ConstElementPtr& arguments) {
  CheckIsMap(arguments, "the arguments of nestor-apply");
  CheckNames(arguments, {"before", "upserted", "removed", "dry-run", "brief"});
  const ConstElementPtr before = Argument(arguments, "before", Element::string);
  if (before && before->stringValue() != revision_.Text()) {
    throw Refused(kChangedMeanwhile, "the configuration is at " + revision_.Text() + ", not at " +
                                         before->stringValue());
  }
  hook::Change change;
  if (const ConstElementPtr list = Argument(arguments, "upserted", Element::list)) {
    change.upserted = ParseObjects(list);
  }
  if (const ConstElementPtr list = Argument(arguments, "removed", Element::list)) {
    change.removed = ParseIds(list);
  }
  const ConstElementPtr dry = Argument(arguments, "dry-run", Element::boolean);
  const bool dry_run = dry && dry->boolValue();
  const ConstElementPtr brief = Argument(arguments, "brief", Element::boolean);
  const std::vector<Object> after = running_->Apply(change, dry_run);
  if (!dry_run && !after.empty()) {
    std::vector<ObjectId> touched;
    touched.reserve(after.size());
    for (const Object& object : after) touched.push_back(object.id);
    revision_.Changed(std::move(touched));
    ++applied_;
    notifier_.TellConfiguration(revision_.Text(), "nestor-apply");
  }
  ElementPtr answer = Element::createMap();
  answer->set("revision", Text(revision_.Text()));
  Add(brief && brief->boolValue() ? Otherwise(after, change.upserted) : after, answer);
  return answer;
}

void Commands::OnConfigured(const std::string& origin) {
  notifier_.TellConfiguration(revision_.Text(), origin);
}

void Commands::OnCommand(const std::string& name, const ConstElementPtr& response) {
  int result = isc::config::CONTROL_RESULT_ERROR;
  (void)isc::config::parseAnswer(result, response);
  const bool configures = name == "config-set" || name == "config-reload";
  if (result != isc::config::CONTROL_RESULT_SUCCESS) {
    if (configures) config_set_failed_ = true;
    return;
  }
  if (configures) {
    // Told of when it was taken, and once more now that it is in use.
    return notifier_.TellConfiguration(revision_.Text(), name);
  }
  if (name.starts_with("statistic-sample-") && name.ends_with("-set-all")) {
    revision_.Changed({{Kind::kGlobal, "statistic-default-sample-count"},
                       {Kind::kGlobal, "statistic-default-sample-age"}});
  } else if (ChangesWithoutReload(name)) {
    revision_.ChangedSomehow();
  } else {
    return;
  }
  notifier_.TellConfiguration(revision_.Text(), name);
}

}  // namespace nestor::hook
