// What a host says up to the first frame. A login shell may print before, between and after our
// own lines, with or without line ends, and leave something in the background that goes on with it:
// our lines are found wherever they begin, and the rest is kept for a message.
#pragma once

#include <optional>
#include <string>

#include "ssh/refusal.h"
#include "ssh/stream.h"

namespace zk::ssh {

class HostTalk {
  public:
    /// What is behind the last line taken stays in `inbox`.
    HostTalk(std::string name, ProcessStream& stream, Bytes& inbox)
        : name_(std::move(name)), stream_(stream), inbox_(inbox) {}

    /// The next line of ours, without "zkprov-". When the host tells whom to log in as, the
    /// deadline is at most `after_invitation` from then. LinkErrc::protocol when it prints too
    /// much.
    Result<std::string> next_line(LinkDeadline deadline,
                                  std::optional<std::chrono::seconds> after_invitation = {});
    /// Listens on, for the words that explain a failure, until the channel's end.
    void hear_the_end(LinkDeadline deadline);
    [[nodiscard]] HostWords words() const;
    [[nodiscard]] bool heard_nothing() const;
    /// Whether the line taken last came through a terminal, which writes CR LF for LF.
    [[nodiscard]] bool in_terminal() const { return in_terminal_; }

  private:
    std::optional<std::string> take_line();
    void drop(std::size_t bytes);

    std::string name_;
    ProcessStream& stream_;
    Bytes& inbox_;
    std::string printed_;  ///< the end of what is not ours
    std::size_t printed_bytes_ = 0;
    bool in_terminal_ = false;
};

}  // namespace zk::ssh
