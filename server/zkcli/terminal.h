// Lines from a person, by libedit: editing, history over sessions, completion by Tab. Shell.
// While it waits for a key the loop of the connection runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/completion.h"
#include "zkcli/loop.h"

namespace zk::zkcli {

/// Where lines come from; nothing at the end.
class LineSource {
  public:
    LineSource() = default;
    LineSource(const LineSource&) = delete;
    LineSource& operator=(const LineSource&) = delete;
    virtual ~LineSource() = default;
    virtual std::optional<std::string> next() = 0;
    /// Prints something that came by itself, so that a line being typed stays whole.
    virtual void interject(const std::string& text) = 0;
};

/// From a pipe or a file, without a prompt.
std::unique_ptr<LineSource> pipe_lines(Loop& loop);

struct TerminalOptions {
    std::function<std::string()> prompt;
    cli::ChildrenOf children;
    std::string history_file;  ///< mode 0600; empty: none
};
/// Null when the terminal cannot be used for it.
std::unique_ptr<LineSource> terminal_lines(Loop& loop, TerminalOptions options);

/// Whether a line may be kept on disk: one with a password may not.
bool may_be_kept(const std::string& line);

}  // namespace zk::zkcli
