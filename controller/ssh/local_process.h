// A program on this machine with pipes on its stdin, stdout and stderr.
// Shell. One thread at a time.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "ssh/stream.h"

namespace zk::ssh {

/// Whether a program may ask a person at our terminal. `none` gives it a session of its own, so
/// that what would ask fails instead of waiting.
enum class Terminal { shared, none };

class LocalProcess final : public ProcessStream {
  public:
    /// Starts `argv[0]` (a path). LinkErrc::agent_missing when it is not there or not executable.
    static Result<std::unique_ptr<LocalProcess>> start(const std::string& name,
                                                       const std::vector<std::string>& argv,
                                                       Terminal terminal = Terminal::shared);
    ~LocalProcess() override;

    Result<> write(ByteView data, Bytes& inbox, LinkDeadline deadline) override;
    Result<> read(Bytes& inbox, LinkDeadline deadline) override;
    [[nodiscard]] std::string last_words() const override { return last_words_; }
    [[nodiscard]] std::optional<int> exit_status() const override { return exit_status_; }
    [[nodiscard]] LinkCounters counters() const override { return counters_; }
    /// Closes stdin and waits a second for the process to end; then SIGTERM, then SIGKILL.
    void close() override;

  private:
    LocalProcess(std::string name, pid_t pid, int in, int out, int err)
        : name_(std::move(name)), pid_(pid), in_(in), out_(out), err_(err) {}
    enum class Got { bytes, nothing, end };
    Got take(Bytes& inbox);
    void take_stderr();
    bool reap(std::chrono::milliseconds wait);
    Error ended() const;

    std::string name_;
    pid_t pid_;
    int in_;
    int out_;
    int err_;
    std::string last_words_;
    std::optional<int> exit_status_;
    LinkCounters counters_;
};

}  // namespace zk::ssh
