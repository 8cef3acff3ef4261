// One SSH connection with one exec channel: connect, check the host key, log in, run one command.
// The only place that speaks to libssh2 about connections. Shell. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/plain_line.h"
#include "ssh/kexinit.h"
#include "ssh/stream.h"

struct _LIBSSH2_SESSION;  // NOLINT(bugprone-reserved-identifier): libssh2's name
struct _LIBSSH2_CHANNEL;  // NOLINT(bugprone-reserved-identifier): libssh2's name

namespace zk::ssh {

struct LoginKey;
struct KnownKey;

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
    void count_sent(ByteView bytes) {
        counters_.bytes_sent += bytes.size();
        keep_first(first_sent_, bytes);
    }
    void count_received(ByteView bytes) {
        counters_.bytes_received += bytes.size();
        keep_first(first_received_, bytes);
    }

  private:
    SshSession(HostTarget host, int fd);
    enum class Got { bytes, nothing, end };

    /// Until the key exchange is done, what both sides said is kept, up to its limit.
    void keep_first(Bytes& first, ByteView bytes) const {
        if (!exchanged_) first.append(bytes.substr(0, kKexInitBytesMax - first.size()));
    }
    Result<> shake_hands(const LinkOptions& options, LinkDeadline deadline);
    Result<> prefer_known_types(const LinkOptions& options);
    Result<> check_host_key(const LinkOptions& options);
    Result<> log_in(const LinkOptions& options, LinkDeadline deadline);
    Result<bool> try_key(const LoginKey& key, LinkDeadline deadline);
    std::optional<std::string> offered_methods(LinkDeadline deadline);

    /// Calls `step` until it no longer says "again"; waits for the socket in between. False at the
    /// deadline.
    template <class Step>
    bool drive(LinkDeadline deadline, Step step);
    bool wait(LinkDeadline deadline) const;
    bool hung_up() const;
    Got take(Bytes& inbox);
    void hear_words();
    Error transport_error(const std::string& doing) const;
    /// "no algorithms fit", when that is why the key exchange failed.
    std::optional<Error> no_algorithm() const;
    /// Whether the host has an RSA key that we know and this libssh2 cannot check.
    bool has_unverifiable_key(const std::vector<KnownKey>& known) const;
    Error ended();

    HostTarget host_;
    int fd_;
    _LIBSSH2_SESSION* session_ = nullptr;
    _LIBSSH2_CHANNEL* channel_ = nullptr;
    std::string last_words_;
    std::string farewell_;   ///< what the host said when it disconnected; empty while it did not
    std::string known_key_;  ///< a key that the host knows and that did not suffice; empty: none
    std::optional<int> exit_status_;
    LinkCounters counters_;
    Bytes first_sent_;
    Bytes first_received_;
    bool exchanged_ = false;
};

}  // namespace zk::ssh
