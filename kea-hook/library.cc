// What Kea calls.
#include <cc/command_interpreter.h>
#include <dhcpsrv/cfgmgr.h>
#include <hooks/hooks.h>
#include <process/daemon.h>

#include <memory>
#include <thread>

#include "kea-hook/commands.h"
#include "kea-hook/leases.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::hooks::CalloutHandle;
using isc::hooks::LibraryHandle;

std::unique_ptr<Commands> commands;
std::thread::id main_thread;

std::string SocketOf(LibraryHandle& handle) {
  const ConstElementPtr socket = handle.getParameter("socket");
  if (!socket) return {};
  if (socket->getType() != Element::string || socket->stringValue().empty()) {
    isc_throw(isc::BadValue, "the parameter socket must be the path of the agent's hook-socket");
  }
  return socket->stringValue();
}

// The listener that HA has for its partner also takes commands, in threads of its own and from
// anybody who reaches it.
ConstElementPtr Elsewhere() {
  return isc::config::createAnswer(isc::config::CONTROL_RESULT_ERROR,
                                   "this command is taken on Kea's control socket only");
}

using Handler = ConstElementPtr (Commands::*)(const ConstElementPtr&);

int Take(CalloutHandle& handle, Handler handler) {
  ConstElementPtr command, arguments, answer;
  try {
    handle.getArgument("command", command);
    (void)isc::config::parseCommand(arguments, command);
    answer = std::this_thread::get_id() == main_thread ? (commands.get()->*handler)(arguments)
                                                       : Elsewhere();
  } catch (const std::exception& error) {
    answer = isc::config::createAnswer(isc::config::CONTROL_RESULT_ERROR, error.what());
  }
  handle.setArgument("response", answer);
  return 0;
}

// Nobody waits for a notice, and none may harm a packet.
template <typename Telling>
int Tell(const Telling& telling) {
  if (!commands->notifier().tells()) return 0;
  try {
    Leases leases(commands->notifier());
    telling(leases);
  } catch (...) {
    // Without the arguments that a callout has there is nothing to tell.
  }
  return 0;
}

int Status(CalloutHandle& handle) { return Take(handle, &Commands::Status); }
int Get(CalloutHandle& handle) { return Take(handle, &Commands::Get); }
int Apply(CalloutHandle& handle) { return Take(handle, &Commands::Apply); }

}  // namespace
}  // namespace nestor::hook

using isc::hooks::CalloutHandle;
using isc::hooks::LibraryHandle;
using nestor::hook::commands;
using nestor::hook::Leases;
using nestor::hook::Tell;

extern "C" {

int version() { return KEA_HOOKS_VERSION; }

int multi_threading_compatible() { return 1; }

int load(LibraryHandle& handle) {
  try {
    const std::string daemon = isc::process::Daemon::getProcName();
    if (daemon != "kea-dhcp4" && daemon != "kea-dhcp6") {
      isc_throw(isc::Unexpected,
                "libdhcp_nestor.so is for kea-dhcp4 and kea-dhcp6, not " << daemon);
    }
    const bool v4 = daemon == "kea-dhcp4";
    if (isc::dhcp::CfgMgr::instance().getFamily() != (v4 ? AF_INET : AF_INET6)) {
      isc_throw(isc::Unexpected, "libdhcp_nestor.so was loaded before " << daemon << " was ready");
    }
    nestor::hook::main_thread = std::this_thread::get_id();
    commands = std::make_unique<nestor::hook::Commands>(nestor::hook::SocketOf(handle));
    handle.registerCommandCallout("nestor-status", nestor::hook::Status);
    handle.registerCommandCallout("nestor-get", nestor::hook::Get);
    handle.registerCommandCallout("nestor-apply", nestor::hook::Apply);
    return 0;
  } catch (const std::exception& error) {
    // Kea logs that the library could not be loaded, and not why.
    std::fprintf(stderr, "libdhcp_nestor.so: %s\n", error.what());
    return 1;
  }
}

int unload() {
  commands.reset();
  return 0;
}

int dhcp4_srv_configured(CalloutHandle&) {
  commands->OnConfigured("start");
  return 0;
}

int dhcp6_srv_configured(CalloutHandle&) {
  commands->OnConfigured("start");
  return 0;
}

int lease4_renew(CalloutHandle& handle) {
  return Tell([&](Leases& leases) { leases.Note(handle, "renewed"); });
}

int leases4_committed(CalloutHandle& handle) {
  return Tell([&](Leases& leases) { leases.TellCommitted(handle, "leases4", "deleted_leases4"); });
}

int lease4_expire(CalloutHandle& handle) {
  return Tell([&](Leases& leases) { leases.Tell(handle, "lease4", "expired"); });
}

int lease4_recover(CalloutHandle& handle) {
  return Tell([&](Leases& leases) { leases.Tell(handle, "lease4", "recovered"); });
}

int lease6_renew(CalloutHandle& handle) {
  return Tell([&](Leases& leases) { leases.Note(handle, "renewed"); });
}

int lease6_rebind(CalloutHandle& handle) {
  return Tell([&](Leases& leases) { leases.Note(handle, "rebound"); });
}

int leases6_committed(CalloutHandle& handle) {
  return Tell([&](Leases& leases) { leases.TellCommitted(handle, "leases6", "deleted_leases6"); });
}

int lease6_expire(CalloutHandle& handle) {
  return Tell([&](Leases& leases) { leases.Tell(handle, "lease6", "expired"); });
}

int lease6_recover(CalloutHandle& handle) {
  return Tell([&](Leases& leases) { leases.Tell(handle, "lease6", "recovered"); });
}

int command_processed(CalloutHandle& handle) {
  std::string name;
  isc::data::ConstElementPtr response;
  try {
    handle.getArgument("name", name);
    handle.getArgument("response", response);
    commands->OnCommand(name, response);
  } catch (const std::exception&) {
    // An answer that is none says nothing of a change.
  }
  return 0;
}

}  // extern "C"
