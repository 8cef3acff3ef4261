#include "ssh/keys.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <poll.h>
#include <pwd.h>
#include <sstream>
#include <unistd.h>

#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>

#include "base/base64.h"
#include "ssh/private_key.h"
#include "ssh/wire.h"

namespace zk::ssh {
namespace {

constexpr std::size_t kKeyFileBytesMax = 64 * 1024;      // an RSA key of 16384 bits takes 13 KiB
constexpr std::size_t kAgentReplyBytesMax = 256 * 1024;  // the bound of OpenSSH's agent
constexpr std::size_t kAgentKeysMax = 256;

Error unusable(const std::string& path, const std::string& why) {
    return link_error(LinkErrc::key_unusable, "key file " + path + ": " + why);
}

// The public key in "<path>.pub", or nothing.
Bytes read_public_file(const std::string& path) {
    std::ifstream file(path + ".pub");
    std::string type;
    std::string text;
    if (!(file >> type >> text)) return {};
    return decode_base64(text).value_or(Bytes());
}

// ---- ssh-agent
// -----------------------------------------------------------------------------------

constexpr char kRequestIdentities = 11;
constexpr char kIdentitiesAnswer = 12;
constexpr char kSignRequest = 13;
constexpr char kSignResponse = 14;
constexpr std::uint32_t kSignRsaSha512 = 4;  // SSH_AGENT_RSA_SHA2_512

class UnixSocket {
  public:
    UnixSocket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
    ~UnixSocket() {
        if (fd_ >= 0) ::close(fd_);
    }
    UnixSocket(const UnixSocket&) = delete;
    UnixSocket& operator=(const UnixSocket&) = delete;

    bool connect(const std::string& path) const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (fd_ < 0 || path.size() >= sizeof address.sun_path) return false;
        std::memcpy(address.sun_path, path.data(), path.size());
        return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    bool wait(short events, LinkDeadline deadline) const {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd item{fd_, events, 0};
        return ::poll(&item, 1, static_cast<int>(left.count())) > 0;
    }
    bool write_all(ByteView data, LinkDeadline deadline) const {
        while (!data.empty()) {
            const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
            if (sent > 0) {
                data.remove_prefix(static_cast<std::size_t>(sent));
            } else if ((errno != EAGAIN && errno != EINTR) || !wait(POLLOUT, deadline)) {
                return false;
            }
        }
        return true;
    }
    bool read_exactly(char* to, std::size_t size, LinkDeadline deadline) const {
        while (size > 0) {
            const ssize_t got = ::recv(fd_, to, size, 0);
            if (got > 0) {
                to += got;
                size -= static_cast<std::size_t>(got);
            } else if (got == 0 || (errno != EAGAIN && errno != EINTR) || !wait(POLLIN, deadline)) {
                return false;
            }
        }
        return true;
    }

  private:
    int fd_;
};

// One question, one answer, on a connection of its own: the agent keeps no state that we would
// need.
Result<Bytes> ask_agent(const std::string& path, ByteView body, LinkDeadline deadline) {
    const UnixSocket socket;
    if (!socket.connect(path)) {
        return Error(Errc::failed,
                     "ssh-agent at " + path +
                         " cannot be reached: " + std::generic_category().message(errno));
    }
    Bytes request;
    append_ssh_string(request, body);
    std::array<char, 4> header{};
    if (!socket.write_all(request, deadline) ||
        !socket.read_exactly(header.data(), header.size(), deadline)) {
        return Error(Errc::failed, "ssh-agent at " + path + " does not answer");
    }
    const auto size = load_be<std::uint32_t>(header.data());
    if (size == 0 || size > kAgentReplyBytesMax) {
        return Error(Errc::invalid, "ssh-agent at " + path + " answers nonsense");
    }
    Bytes reply(size, '\0');
    if (!socket.read_exactly(reply.data(), reply.size(), deadline)) {
        return Error(Errc::failed, "ssh-agent at " + path + " does not finish its answer");
    }
    return reply;
}

Result<Bytes> sign_by_agent(const std::string& path,
                            const Bytes& blob,
                            const std::string& type,
                            ByteView data) {
    // The owner of the agent may be asked to confirm or to touch a token.
    constexpr std::chrono::seconds kConfirmTime{60};
    Bytes request(1, kSignRequest);
    append_ssh_string(request, blob);
    append_ssh_string(request, data);
    append_be<std::uint32_t>(request, type == "ssh-rsa" ? kSignRsaSha512 : 0U);
    ZK_TRY(const Bytes reply, ask_agent(path, request, deadline_in(kConfirmTime)));
    SshReader reader(reply);
    const auto kind = reader.byte();
    const auto outer = reader.string();
    if (kind != kSignResponse || !outer) {
        return Error(Errc::refused, "ssh-agent refused to sign");
    }
    SshReader signature(*outer);
    const auto algorithm = signature.string();
    const auto raw = signature.string();
    if (!algorithm || !raw || *algorithm != login_algorithm(type)) {
        return Error(Errc::invalid, "ssh-agent signed by another algorithm than asked");
    }
    return Bytes(*raw);
}

// ---- what to try --------------------------------------------------------------------------------

const LoginKey* find_blob(const std::vector<LoginKey>& keys, const Bytes& blob) {
    const auto found = std::find_if(
        keys.begin(), keys.end(), [&](const LoginKey& key) { return key.blob == blob; });
    return found == keys.end() || blob.empty() ? nullptr : &*found;
}

// Named files: each must be usable, by itself or through the agent that holds its key.
Result<LoginKeys> named_keys(const LinkOptions& options, const std::vector<LoginKey>& agent_keys) {
    LoginKeys result;
    for (const std::string& path : options.key_files) {
        ZK_TRY(KeyFile file, read_key_file(path));
        const LoginKey* held = find_blob(agent_keys, file.public_blob);
        if (!file.encrypted) {
            result.keys.push_back(std::move(file.key));
        } else if (held != nullptr) {
            result.keys.push_back(*held);
        } else {
            return unusable(path,
                            "it has a passphrase, which is not asked for here; use ssh-agent: "
                            "run `ssh-add " +
                                path + "`, then this command again");
        }
    }
    return result;
}

void add_default_files(LoginKeys& result) {
    for (const char* name : {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}) {
        const std::string path = expand_home(name);
        if (::access(path.c_str(), F_OK) != 0) continue;
        auto file = read_key_file(path);
        if (!file.has_value()) {
            result.notes.push_back(file.error().words);
        } else if (find_blob(result.keys, file->public_blob) != nullptr) {
            continue;  // the agent holds it
        } else if (file->encrypted) {
            result.notes.push_back("key file " + path +
                                   " has a passphrase and was left aside (use ssh-agent: ssh-add)");
        } else {
            result.keys.push_back(std::move(file->key));
        }
    }
}

}  // namespace

std::string login_algorithm(const std::string& key_type) {
    if (key_type == "ssh-rsa") return "rsa-sha2-512";
    for (const char* same :
         {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}) {
        if (key_type == same) return key_type;
    }
    return {};
}

Bytes blob_for_login(const LoginKey& key) {
    SshReader reader(key.blob);
    reader.string();
    Bytes blob;
    append_ssh_string(blob, login_algorithm(key.type));
    blob.append(reader.rest());
    return blob;
}

Result<KeyFile> read_key_file(const std::string& path) {
    const std::string expanded = expand_home(path);
    errno = 0;
    std::ifstream file(expanded, std::ios::binary);
    if (!file) {
        return unusable(path, std::generic_category().message(errno) + "; check the path");
    }
    Bytes text(kKeyFileBytesMax + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.empty() || text.size() > kKeyFileBytesMax) {
        return unusable(path, "not a private key file");
    }
    KeyFile result;
    auto parsed = parse_private_key(text, result.public_blob);
    std::fill(text.begin(), text.end(), '\0');
    if (!parsed.has_value() && parsed.error().code == make_error_code(Errc::refused)) {
        result.encrypted = true;
        if (result.public_blob.empty()) result.public_blob = read_public_file(expanded);
        return result;
    }
    if (!parsed.has_value()) {
        const bool is_public = ByteView(text).starts_with("ssh-") || path.ends_with(".pub");
        return unusable(path,
                        is_public ? "this is the public half; name the private key file"
                                  : parsed.error().words);
    }
    const PrivateKey key = *std::move(parsed);
    result.public_blob = key.blob();
    result.key =
        LoginKey{path, key.type(), key.blob(), [key](ByteView data) { return key.sign(data); }};
    return result;
}

Result<std::vector<LoginKey>> read_agent_keys(const std::string& socket_path,
                                              std::chrono::milliseconds timeout) {
    const Bytes request(1, kRequestIdentities);
    ZK_TRY(const Bytes reply, ask_agent(socket_path, request, deadline_in(timeout)));
    SshReader reader(reply);
    const auto kind = reader.byte();
    const auto count = reader.uint32();
    if (kind != kIdentitiesAnswer || !count || *count > kAgentKeysMax) {
        return Error(Errc::failed, "ssh-agent at " + socket_path + " does not list its keys");
    }
    std::vector<LoginKey> keys;
    for (std::uint32_t i = 0; i < *count; ++i) {
        const auto blob = reader.string();
        const auto comment = reader.string();
        if (!blob || !comment) return Error(Errc::invalid, "ssh-agent's list of keys is cut off");
        const auto type = SshReader(*blob).string();
        if (!type || login_algorithm(std::string(*type)).empty()) continue;
        LoginKey key;
        key.label = "ssh-agent: " + std::string(*comment);
        key.type = std::string(*type);
        key.blob = Bytes(*blob);
        key.sign = [socket_path, held = key.blob, kept_type = key.type](ByteView data) {
            return sign_by_agent(socket_path, held, kept_type, data);
        };
        keys.push_back(std::move(key));
    }
    return keys;
}

Result<LoginKeys> gather_login_keys(const LinkOptions& options) {
    std::vector<LoginKey> agent_keys;
    std::vector<std::string> notes;
    if (!options.ssh_agent_socket.empty()) {
        auto listed = read_agent_keys(options.ssh_agent_socket, std::chrono::seconds(5));
        if (listed.has_value()) {
            agent_keys = *std::move(listed);
        } else {
            notes.push_back(listed.error().words);
        }
    }
    LoginKeys result;
    if (!options.key_files.empty()) {
        ZK_TRY(LoginKeys named, named_keys(options, agent_keys));
        result = std::move(named);
    } else {
        result.keys = std::move(agent_keys);
        add_default_files(result);
    }
    result.notes.insert(result.notes.end(), notes.begin(), notes.end());
    return result;
}

std::string fingerprint(ByteView blob) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_Digest(blob.data(), blob.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string encoded =
        encode_base64(ByteView(reinterpret_cast<const char*>(digest.data()), size));
    while (encoded.ends_with('=')) encoded.pop_back();
    return "SHA256:" + encoded;
}

std::string expand_home(const std::string& path) {
    if (path != "~" && !path.starts_with("~/")) return path;
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (home != nullptr && *home != '\0') return home + path.substr(1);
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr ? found->pw_dir + path.substr(1) : path;
}

std::string default_agent_socket() {
    const char* path = std::getenv("SSH_AUTH_SOCK");  // NOLINT(concurrency-mt-unsafe)
    return path == nullptr ? std::string() : std::string(path);
}

}  // namespace zk::ssh
