// Bytes to and from a process on the other side, by blocking calls with deadlines: what SSH channel
// and local pipe have in common. Shell. One thread at a time.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "ssh/agent_link.h"

namespace zk::ssh {

class ProcessStream {
  public:
    virtual ~ProcessStream() = default;
    ProcessStream(const ProcessStream&) = delete;
    ProcessStream& operator=(const ProcessStream&) = delete;

    /// Writes all of `data`. While the other side does not take it, what it says is read into
    /// `inbox`, so that two talking at once cannot block each other.
    virtual Result<> write(ByteView data, Bytes& inbox, LinkDeadline deadline) = 0;
    /// Appends at least one byte to `inbox`. LinkErrc::timeout at the deadline, LinkErrc::closed at
    /// the end.
    virtual Result<> read(Bytes& inbox, LinkDeadline deadline) = 0;
    /// The last of what the process said on stderr.
    [[nodiscard]] virtual std::string last_words() const = 0;
    /// Known after read() said closed: the process's exit status, when it exited.
    [[nodiscard]] virtual std::optional<int> exit_status() const = 0;
    /// False while it is not known whether the login is done: the system's ssh does not tell before
    /// the host speaks.
    [[nodiscard]] virtual bool logged_in() const { return true; }
    [[nodiscard]] virtual LinkCounters counters() const = 0;
    virtual void close() = 0;

  protected:
    ProcessStream() = default;
};

constexpr std::size_t kLastWordsBytesMax = 4096;
constexpr std::size_t kInboxBytesMax = 64UL * 1024 * 1024;

/// Keeps the tail of `words` within kLastWordsBytesMax.
inline void trim_last_words(std::string& words) {
    if (words.size() > kLastWordsBytesMax) words.erase(0, words.size() - kLastWordsBytesMax);
}
/// Milliseconds for poll(2) until `deadline`, rounded up; 0 when it has passed.
int poll_wait_ms(LinkDeadline deadline);
/// Makes SIGPIPE ignored, once, unless the program has a handler of its own.
void ignore_sigpipe();

}  // namespace zk::ssh
