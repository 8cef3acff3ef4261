// One SSH connection with one exec channel: connect, check the host key, log in, run one command.
// The only place that speaks to libssh2 about connections. Shell. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ssh/plain_line.h"
#include "ssh/stream.h"

struct _LIBSSH2_SESSION;
struct _LIBSSH2_CHANNEL;

namespace zk {

struct LoginKey;

class SshSession final : public ProcessStream {
  public:
    /// Connects, checks the host key and logs in.
    static Result<std::unique_ptr<SshSession>> open(const HostTarget& host,
                                                    const LinkOptions& options);
    ~SshSession() override;

    /// Opens the one channel and starts `command` in the login shell. REQUIRES: not called before.
    Result<> run(const std::string& command, LinkDeadline deadline);

    Result<> write(ByteView data, Bytes& inbox, LinkDeadline deadline) override;
    Result<> read(Bytes& inbox, LinkDeadline deadline) override;
    [[nodiscard]] std::string last_words() const override { return last_words_; }
    [[nodiscard]] std::optional<int> exit_status() const override { return exit_status_; }
    [[nodiscard]] LinkCounters counters() const override { return counters_; }
    void close() override;

    /// For libssh2's callbacks.
    void note_disconnect(ByteView words) {
        farewell_ = words.empty() ? "no reason given" : plain_line(words);
    }
    void count_sent(std::size_t bytes) { counters_.bytes_sent += bytes; }
    void count_received(std::size_t bytes) { counters_.bytes_received += bytes; }

  private:
    SshSession(HostTarget host, int fd);
    enum class Got { bytes, nothing, end };

    Result<> shake_hands(const LinkOptions& options, LinkDeadline deadline);
    Result<> prefer_known_types(const LinkOptions& options);
    Result<> check_host_key(const LinkOptions& options);
    Result<> log_in(const LinkOptions& options, LinkDeadline deadline);
    Result<bool> try_key(const LoginKey& key, LinkDeadline deadline);

    /// Calls `step` until it no longer says "again"; waits for the socket in between. False at the
    /// deadline.
    template <class Step>
    bool drive(LinkDeadline deadline, Step step);
    bool wait(LinkDeadline deadline) const;
    bool hung_up() const;
    Got take(Bytes& inbox);
    Error transport_error(const std::string& doing) const;
    Error ended();

    HostTarget host_;
    int fd_;
    _LIBSSH2_SESSION* session_ = nullptr;
    _LIBSSH2_CHANNEL* channel_ = nullptr;
    std::string last_words_;
    std::string farewell_;  ///< what the host said when it disconnected; empty while it did not
    std::optional<int> exit_status_;
    LinkCounters counters_;
};

}  // namespace zk
