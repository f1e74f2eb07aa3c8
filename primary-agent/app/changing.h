#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "primary-agent/app/core.h"

namespace nestor::primary {

// A transaction under way.
struct PrimaryApp::Core::Changing {
  Changing(Transaction its, DhcpService of) : transaction(std::move(its)), service(of) {}

  Transaction transaction;
  DhcpService service;
  std::optional<Request> request;  // whoever asked for it and waits
  std::function<void()> then;      // when it has ended
};

}  // namespace nestor::primary
