// A hook of a recipe: a command of the user's on this machine. Shell (starts processes, waits).
// It gets our own environment and the variables of its place in the roll, /dev/null as stdin, and a
// session of its own, so that Ctrl-C is the run's to act on. Its run lock is beaten for by another
// thread (run_lock.h), however long this one waits here.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "phases/link_words.h"
#include "playbook/playbook.h"

namespace zk::phases {

/// Runs the hook to its end. `on_line` gets what it prints, line by line, fit for a terminal. At the
/// deadline, and when `interrupted` (may be null) turns true, all processes of the hook are ended.
/// Errors: it could not be started, did not end with status 0, or had to be ended; the words go on
/// from the hook's name ("ended with status 3").
Result<> run_hook(const playbook::Hook& hook,
                  const std::map<std::string, std::string>& variables,
                  LinkDeadline deadline,
                  const std::atomic<bool>* interrupted,
                  const std::function<void(const std::string&)>& on_line);

}  // namespace zk::phases
