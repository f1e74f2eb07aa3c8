#pragma once

#include <signal.h>

#include <optional>

namespace nestor::runtime {

enum class Signal {
  kStop,    // SIGTERM, SIGINT
  kReload,  // SIGHUP
};

// The process's signals as something to poll. One per process, made before any other thread, since
// threads inherit what is blocked; SIGPIPE is ignored from then on. Used by the thread that made
// it.
class Signals {
 public:
  Signals();
  // Puts back what was blocked before.
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Readable while a signal waits.
  int fd() const { return fd_; }

  // The next signal, if one waits. Does not block.
  std::optional<Signal> Next() const;

  // From now on SIGTERM and SIGINT end the process at once with exit code 0, one that waits already
  // included.
  static void ExitOnNextStop();

 private:
  sigset_t before_;
  int fd_;
};

}  // namespace nestor::runtime
