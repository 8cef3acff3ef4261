#include "ssh/session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <poll.h>
#include <unistd.h>

#include <libssh2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/base64.h"
#include "ssh/keys.h"
#include "ssh/known_hosts.h"
#include "ssh/refusal.h"
#include "ssh/tcp.h"
#include "ssh/wire.h"

namespace zk::ssh {
namespace {

constexpr std::size_t kChannelReadBytes = 64 * 1024;
constexpr std::size_t kWriteBytes = 32 * 1024;
constexpr int kAgain = LIBSSH2_ERROR_EAGAIN;
constexpr std::chrono::milliseconds kCloseTime{500};

SshSession& self(void** abstract) { return *static_cast<SshSession*>(*abstract); }

ssize_t on_send(libssh2_socket_t fd, const void* data, size_t size, int flags, void** abstract) {
    const ssize_t sent = ::send(fd, data, size, flags | MSG_NOSIGNAL);
    if (sent < 0) return errno == EINTR ? -EAGAIN : -errno;
    self(abstract).count_sent({static_cast<const char*>(data), static_cast<std::size_t>(sent)});
    return sent;
}

// Without an immediate acknowledgement sshd's next packet waits some 40 ms for it (Nagle against
// delayed ACK); the kernel forgets the option, so it is set after every read.
ssize_t on_receive(libssh2_socket_t fd, void* data, size_t size, int flags, void** abstract) {
    const ssize_t got = ::recv(fd, data, size, flags);
    if (got < 0) return errno == EINTR ? -EAGAIN : -errno;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    self(abstract).count_received({static_cast<const char*>(data), static_cast<std::size_t>(got)});
    return got;
}

void on_disconnect(
    LIBSSH2_SESSION*, int, const char* words, int size, const char*, int, void** abstract) {
    self(abstract).note_disconnect({words, static_cast<std::size_t>(std::max(size, 0))});
}

// What the sign callback of one login attempt needs, and why it failed when it did.
struct Signing {
    const LoginKey* key = nullptr;
    std::string failure;
};

int on_sign(LIBSSH2_SESSION*,
            unsigned char** signature,
            size_t* signature_size,
            const unsigned char* data,
            size_t size,
            void** abstract) {
    auto& signing = *static_cast<Signing*>(*abstract);
    auto made = signing.key->sign({reinterpret_cast<const char*>(data), size});
    if (!made.has_value()) {
        signing.failure = made.error().words;
        return -1;
    }
    auto* copy = static_cast<unsigned char*>(std::malloc(made->size()));  // libssh2 frees it
    if (copy == nullptr) return -1;
    // NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes
    std::memcpy(copy, made->data(), made->size());
    *signature = copy;
    *signature_size = made->size();
    return 0;
}

std::string joined(const std::vector<std::string>& parts, const char* separator) {
    std::string text;
    for (const std::string& part : parts) {
        if (!text.empty()) text += separator;
        text += part;
    }
    return text;
}

// The host key algorithms that this libssh2 has: 1.10 has none of rsa-sha2. We ask for no others,
// since 1.10 drops what it does not know by a memcpy onto itself.
std::vector<std::string> supported_algorithms(LIBSSH2_SESSION* session) {
    const char** names = nullptr;
    const int count = libssh2_session_supported_algs(session, LIBSSH2_METHOD_HOSTKEY, &names);
    if (count <= 0) return {};
    std::vector<std::string> supported(names, names + count);
    libssh2_free(session, names);
    return supported;
}

// " (line 7)" of the first such key; empty when there is none.
template <class Wanted>
std::string line_of(const std::vector<KnownKey>& known, Wanted wanted) {
    const auto found = std::find_if(known.begin(), known.end(), wanted);
    return found == known.end() ? std::string() : " (line " + std::to_string(found->line) + ")";
}

Error login_refused(const HostTarget& host,
                    const std::string& reason,
                    const std::vector<std::string>& tried,
                    const std::vector<std::string>& notes) {
    std::string words = host.name + ": login as " + host.user + " refused: " + reason;
    words += tried.empty() ? "; no key to try" : "; tried " + joined(tried, ", ");
    if (!notes.empty()) words += "; " + joined(notes, "; ");
    words += "; put the public key into ~" + host.user +
             "/.ssh/authorized_keys on the host (ssh-copy-id), or name another user or key";
    return link_error(LinkErrc::login_refused, words);
}

}  // namespace

SshSession::SshSession(HostTarget host, int fd) : host_(std::move(host)), fd_(fd) {
    session_ = libssh2_session_init_ex(nullptr, nullptr, nullptr, this);
    libssh2_session_set_blocking(session_, 0);
    libssh2_session_callback_set(
        session_, LIBSSH2_CALLBACK_SEND, reinterpret_cast<void*>(&on_send));
    libssh2_session_callback_set(
        session_, LIBSSH2_CALLBACK_RECV, reinterpret_cast<void*>(&on_receive));
    libssh2_session_callback_set(
        session_, LIBSSH2_CALLBACK_DISCONNECT, reinterpret_cast<void*>(&on_disconnect));
    counters_.connections = 1;
}

SshSession::~SshSession() { SshSession::close(); }

Result<std::unique_ptr<SshSession>> SshSession::open(const HostTarget& host,
                                                     const LinkOptions& options) {
    static std::once_flag once;
    std::call_once(once, [] { libssh2_init(0); });
    ignore_sigpipe();
    const LinkDeadline connect_by = options.deadline_for(options.connect_timeout);
    ZK_TRY(const int fd, connect_tcp(host.name, host.address, host.port, connect_by));
    auto session = std::unique_ptr<SshSession>(new SshSession(host, fd));
    const LinkDeadline deadline = options.deadline_for(options.login_timeout);
    ZK_CHECK(session->shake_hands(options, deadline));
    ZK_CHECK(session->check_host_key(options));
    ZK_CHECK(session->log_in(options, deadline));
    return session;
}

bool SshSession::wait(LinkDeadline deadline) const {
    const int wait_ms = poll_wait_ms(deadline);
    if (wait_ms == 0) return false;
    const int directions = libssh2_session_block_directions(session_);
    pollfd item{fd_, 0, 0};
    if ((directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0) item.events |= POLLOUT;
    if ((directions & LIBSSH2_SESSION_BLOCK_INBOUND) != 0 || item.events == 0) {
        item.events |= POLLIN;
    }
    ::poll(&item, 1, wait_ms);
    return true;
}

// Whether the host has said farewell or closed the connection. libssh2 tells a key that is refused
// and a host that hangs up by one code.
bool SshSession::hung_up() const {
    pollfd item{fd_, POLLRDHUP, 0};
    return !farewell_.empty() || (::poll(&item, 1, 0) > 0 && item.revents != 0);
}

template <class Step>
bool SshSession::drive(LinkDeadline deadline, Step step) {
    while (step() == kAgain) {
        if (!wait(deadline)) return false;
    }
    return true;
}

Error SshSession::transport_error(const std::string& doing) const {
    char* text = nullptr;
    const int code = libssh2_session_last_error(session_, &text, nullptr, 0);
    std::string what = text == nullptr || *text == '\0' ? "unknown reason" : text;
    if (!farewell_.empty()) what = farewell_;
    switch (code) {
        case LIBSSH2_ERROR_SOCKET_DISCONNECT:
        case LIBSSH2_ERROR_SOCKET_RECV:
        case LIBSSH2_ERROR_SOCKET_SEND:
        case LIBSSH2_ERROR_SOCKET_NONE:
            return link_error(LinkErrc::unreachable,
                              host_.name + ": the host closed the connection while " + doing +
                                  " (" + what + "); its sshd log tells why");
        default:
            return link_error(LinkErrc::protocol,
                              host_.name + ": " + doing + " failed: " + what +
                                  "; is this an OpenSSH server on port " +
                                  std::to_string(host_.port) + "?");
    }
}

Result<> SshSession::shake_hands(const LinkOptions& options, LinkDeadline deadline) {
    ZK_CHECK(prefer_known_types(options));
    int code = 0;
    if (!drive(deadline, [&] { return code = libssh2_session_handshake(session_, fd_); })) {
        return link_error(LinkErrc::timeout,
                          host_.name + ": port " + std::to_string(host_.port) +
                              " answers but does not finish the key exchange; is it sshd, and is "
                              "the host overloaded?");
    }
    exchanged_ = true;
    if (code == 0) return ok();
    if (const auto error = no_algorithm()) return *error;
    return transport_error("exchanging keys");
}

// libssh2 has one code for all that can go wrong here, so both offers are compared.
std::optional<Error> SshSession::no_algorithm() const {
    const auto ours = find_kexinit(first_sent_);
    const auto theirs = find_kexinit(first_received_);
    if (!ours || !theirs) return std::nullopt;
    const auto mismatches = kex_mismatches(*ours, *theirs);
    if (mismatches.empty()) return std::nullopt;
    return link_error(LinkErrc::no_common_algorithm,
                      host_.name + ": " + describe(mismatches, "libssh2"));
}

// Asks first for the types of host key that known_hosts has for this host, as ssh does.
Result<> SshSession::prefer_known_types(const LinkOptions& options) {
    const std::string path = known_hosts_path(options.known_hosts_file);
    ZK_TRY(const auto known, find_known_keys(session_, path, host_.address, host_.port));
    std::vector<std::string> wanted = host_key_algorithms(known);
    const std::vector<std::string> supported = supported_algorithms(session_);
    std::erase_if(wanted, [&](const std::string& algorithm) {
        return std::ranges::find(supported, algorithm) == supported.end();
    });
    libssh2_session_method_pref(session_, LIBSSH2_METHOD_HOSTKEY, joined(wanted, ",").c_str());
    return ok();
}

Result<> SshSession::check_host_key(const LinkOptions& options) {
    std::size_t size = 0;
    int kind = 0;
    const char* data = libssh2_session_hostkey(session_, &size, &kind);
    if (data == nullptr) return transport_error("reading the host key");
    const ByteView blob(data, size);
    const std::string type(SshReader(blob).string().value_or("unknown"));
    const std::string key = encode_base64(blob);
    const std::string path = known_hosts_path(options.known_hosts_file);
    const std::string name = known_host_name(host_.address, host_.port);
    const std::string shown = type + ' ' + fingerprint(blob);

    ZK_TRY(const auto known, find_known_keys(session_, path, host_.address, host_.port));
    const HostKeyVerdict verdict = judge_host_key(known, type, key);
    if (verdict == HostKeyVerdict::known) return ok();
    if (verdict == HostKeyVerdict::revoked) {
        return link_error(LinkErrc::host_key_changed,
                          host_.name + ": the host key " + shown + " is marked @revoked in " +
                              path + "; do not connect until the host has a new key");
    }
    if (host_.replace_host_key) return replace_host_key(session_, path, name, type, key);
    if (verdict == HostKeyVerdict::changed) {
        const std::string line = line_of(
            known, [&](const KnownKey& k) { return k.use == KeyUse::trusted && k.type == type; });
        return link_error(LinkErrc::host_key_changed,
                          host_.name + ": HOST KEY CHANGED: it is now " + shown +
                              ", not the one in " + path + line +
                              "; somebody may be listening in, or the host was reinstalled. If it "
                              "was, check the fingerprint on its console, then either accept it "
                              "with zkprov replace-node and --accept-new-host-keys, or forget "
                              "the old one: ssh-keygen -f " +
                              path + " -R '" + name + "'");
    }
    if (verdict == HostKeyVerdict::other_type) {
        const std::string line =
            line_of(known, [](const KnownKey& k) { return k.use == KeyUse::trusted; });
        if (has_unverifiable_key(known)) {
            return link_error(LinkErrc::host_key_unverifiable,
                              host_.name + ": " + path + line +
                                  " knows the host by its RSA key, whose signatures of today "
                                  "(rsa-sha2-512, rsa-sha2-256) this libssh2 cannot check");
        }
        return link_error(LinkErrc::host_key_unknown,
                          host_.name + ": the host offers the key " + shown + ", but " + path +
                              line +
                              " knows it by a key of another type only; add this key with "
                              "ssh-keyscan after checking its fingerprint on the host's console");
    }
    if (options.new_host_keys == NewHostKeys::accept) {
        return remember_host_key(path, name, type, key);
    }
    const std::string authority =
        line_of(known, [](const KnownKey& k) { return k.use == KeyUse::authority; });
    if (!authority.empty()) {
        return link_error(LinkErrc::host_key_unverifiable,
                          host_.name + ": the host key " + shown + " is not in " + path +
                              ", whose @cert-authority" + authority +
                              " vouches for host certificates, which libssh2 does not know");
    }
    return link_error(LinkErrc::host_key_unknown,
                      host_.name + ": the host key " + shown + " is not in " + path +
                          "; compare it with the host's console (ssh-keygen -lf "
                          "/etc/ssh/ssh_host_ed25519_key.pub), then run again with "
                          "--accept-new-host-keys");
}

bool SshSession::has_unverifiable_key(const std::vector<KnownKey>& known) const {
    const auto is_rsa = [](const KnownKey& key) {
        return key.use == KeyUse::trusted && key.type == "ssh-rsa";
    };
    const auto theirs = find_kexinit(first_received_);
    return theirs && std::ranges::any_of(known, is_rsa) &&
           std::ranges::any_of(theirs->host_key, [](const std::string& algorithm) {
               return key_type_of(algorithm) == "ssh-rsa";
           });
}

Result<bool> SshSession::try_key(const LoginKey& key, LinkDeadline deadline) {
    const Bytes blob = blob_for_login(key);
    Signing signing{&key, {}};
    void* abstract = &signing;
    int code = 0;
    const bool done = drive(deadline, [&] {
        return code =
                   libssh2_userauth_publickey(session_,
                                              host_.user.c_str(),
                                              reinterpret_cast<const unsigned char*>(blob.data()),
                                              blob.size(),
                                              on_sign,
                                              &abstract);
    });
    if (!done) {
        return link_error(LinkErrc::timeout,
                          host_.name + ": sshd does not answer the login of " + host_.user +
                              "; is the host overloaded or its name service slow?");
    }
    if (code == 0) return true;
    if (!signing.failure.empty()) return Error(Errc::refused, signing.failure);
    if (code == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED) {
        // The host knows the key and has our signature, and this is still not enough. What more it
        // asks for is not known here: a second libssh2_userauth_list() leaks the first list.
        known_key_ = key.label;
        return false;
    }
    if (code == LIBSSH2_ERROR_AUTHENTICATION_FAILED) return false;
    return transport_error("logging in as " + host_.user);
}

// By which methods the host would go on with the login, empty when it is done; nothing at the
// deadline.
std::optional<std::string> SshSession::offered_methods(LinkDeadline deadline) {
    const char* methods = nullptr;
    const auto user_size = static_cast<unsigned int>(host_.user.size());
    const bool done = drive(deadline, [&] {
        methods = libssh2_userauth_list(session_, host_.user.c_str(), user_size);
        return methods == nullptr ? libssh2_session_last_errno(session_) : 0;
    });
    if (!done) return std::nullopt;
    return methods == nullptr ? std::string() : plain_line(methods);
}

Result<> SshSession::log_in(const LinkOptions& options, LinkDeadline deadline) {
    const auto offered = offered_methods(deadline);
    if (!offered) {
        return link_error(LinkErrc::timeout, host_.name + ": sshd does not start the login");
    }
    if (libssh2_userauth_authenticated(session_) == 1) return ok();
    if (offered->empty()) return transport_error("starting the login");

    ZK_TRY(LoginKeys found, gather_login_keys(options));
    std::vector<std::string> tried;
    if (offered->find("publickey") == std::string::npos) {
        return login_refused(host_, "the host takes no keys, only " + *offered, tried, found.notes);
    }
    for (const LoginKey& key : found.keys) {
        tried.push_back(key.label + " (" + key.type + ")");
        auto accepted = try_key(key, deadline);
        if (accepted.has_value() && *accepted) return ok();
        bool disconnected = hung_up();
        if (!accepted.has_value()) {
            const auto kind = link_errc(accepted.error());
            disconnected = disconnected || kind == LinkErrc::unreachable;
            if (kind && !disconnected) return accepted.error();
            if (!kind) found.notes.push_back(key.label + ": " + accepted.error().words);
        }
        if (disconnected) {
            const std::string words = farewell_.empty() ? "no reason given" : farewell_;
            // With PAM, sshd hangs up on an account that it does not let in.
            const std::string guess = tried.size() > 1
                                          ? "if these were too many keys, name the right one"
                                          : "its log tells why; has the account expired?";
            return login_refused(
                host_, "the host hung up (" + words + "); " + guess, tried, found.notes);
        }
    }
    if (!known_key_.empty()) {
        return link_error(LinkErrc::login_refused,
                          host_.name + ": the host knows " + known_key_ + " of " + host_.user +
                              ", but does not let it in alone: it asks for a second factor; " +
                              std::string(kSecondFactorWayOut));
    }
    return login_refused(host_, "no key was accepted", tried, found.notes);
}

Result<> SshSession::run(const std::string& command, LinkDeadline deadline) {
    bool done = drive(deadline, [&] {
        channel_ = libssh2_channel_open_session(session_);
        return channel_ == nullptr ? libssh2_session_last_errno(session_) : 0;
    });
    if (done && channel_ == nullptr) return transport_error("opening a channel");
    int code = 0;
    done = done && drive(deadline, [&] {
               return code = libssh2_channel_process_startup(
                          channel_,
                          "exec",
                          4,
                          command.c_str(),
                          static_cast<unsigned int>(command.size()));
           });
    if (!done) {
        return link_error(LinkErrc::timeout, host_.name + ": sshd does not start a command");
    }
    if (code == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
        return link_error(LinkErrc::shell_refused,
                          host_.name + ": sshd refuses to run commands for " + host_.user +
                              "; look for ForceCommand or a restricted shell");
    }
    if (code != 0) return transport_error("starting a command");
    counters_.channels = 1;
    return ok();
}

Error SshSession::ended() {
    const LinkDeadline deadline = deadline_in(kCloseTime);
    if (channel_ != nullptr && libssh2_channel_eof(channel_) == 1 &&
        drive(deadline, [&] { return libssh2_channel_wait_closed(channel_); })) {
        exit_status_ = libssh2_channel_get_exit_status(channel_);
        return link_error(LinkErrc::closed, host_.name + ": the agent ended the link");
    }
    return link_error(LinkErrc::closed, host_.name + ": the connection was lost");
}

void SshSession::hear_words() {
    std::array<char, 1024> words{};
    ssize_t said = 0;
    while ((said = libssh2_channel_read_ex(
                channel_, SSH_EXTENDED_DATA_STDERR, words.data(), words.size())) > 0) {
        last_words_.append(words.data(), static_cast<std::size_t>(said));
        trim_last_words(last_words_);
    }
}

// Reads what is there of stdout; what is there of stderr goes to last_words_. Each read empties the socket of packets for
// both, so stdout's is the last one: behind it nothing that somebody waits for lies in libssh2, of which poll() does not
// know.
SshSession::Got SshSession::take(Bytes& inbox) {
    if (channel_ == nullptr) return Got::end;
    hear_words();
    const std::size_t before = inbox.size();
    inbox.resize(before + kChannelReadBytes);
    const ssize_t got =
        libssh2_channel_read_ex(channel_, 0, inbox.data() + before, kChannelReadBytes);
    inbox.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0) return Got::bytes;
    if (got == kAgain) return Got::nothing;
    if (got == 0 && libssh2_channel_eof(channel_) != 1) return Got::nothing;
    hear_words();
    return Got::end;
}

Result<> SshSession::write(ByteView data, Bytes& inbox, LinkDeadline deadline) {
    while (!data.empty()) {
        if (channel_ == nullptr) return ended();
        const ssize_t put =
            libssh2_channel_write_ex(channel_, 0, data.data(), std::min(data.size(), kWriteBytes));
        if (put > 0) {
            data.remove_prefix(static_cast<std::size_t>(put));
            continue;
        }
        if (put < 0 && put != kAgain) return ended();
        const unsigned long window = libssh2_channel_window_write_ex(channel_, nullptr);
        // With a packet half sent nothing else may be sent, and reading might send (window
        // updates).
        const bool half_sent =
            (libssh2_session_block_directions(session_) & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0;
        if (!half_sent && inbox.size() < kInboxBytesMax) {
            const Got got = take(inbox);
            if (got == Got::end) return ended();
            if (got == Got::bytes) continue;
            // The word that there is room again may have come while that was read: poll() would wait for another.
            if (got == Got::nothing && libssh2_channel_window_write_ex(channel_, nullptr) > window)
                continue;
        }
        if (!wait(deadline)) {
            return link_error(LinkErrc::timeout,
                              host_.name + ": the host does not take what it is sent");
        }
    }
    return ok();
}

Result<> SshSession::read(Bytes& inbox, LinkDeadline deadline) {
    while (true) {
        const Got got = take(inbox);
        if (got == Got::bytes) return ok();
        if (got == Got::end) return ended();
        if (!wait(deadline)) {
            return link_error(LinkErrc::timeout, host_.name + ": no answer from the agent");
        }
    }
}

void SshSession::close() {
    if (session_ == nullptr) return;
    const LinkDeadline deadline = deadline_in(kCloseTime);
    if (channel_ != nullptr) drive(deadline, [&] { return libssh2_channel_close(channel_); });
    drive(deadline, [&] { return libssh2_session_disconnect(session_, "done"); });
    // From here nothing waits: the socket is shut down, so no call can say "again".
    ::shutdown(fd_, SHUT_RDWR);
    if (channel_ != nullptr) drive(deadline, [&] { return libssh2_channel_free(channel_); });
    drive(deadline, [&] { return libssh2_session_free(session_); });
    ::close(fd_);
    channel_ = nullptr;
    session_ = nullptr;
    fd_ = -1;
}

}  // namespace zk::ssh
