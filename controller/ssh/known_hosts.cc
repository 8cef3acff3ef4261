#include "ssh/known_hosts.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <unistd.h>

#include <libssh2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>

#include "ssh/keys.h"
#include "threads/mutex.h"

namespace zk::ssh {
namespace {

constexpr std::uint16_t kSshPort = 22;

Error file_error(const std::string& path, const std::string& what) {
    return link_error(
        LinkErrc::known_hosts,
        "known_hosts file " + path + ": " + what + ": " + std::generic_category().message(errno));
}

// The words of a line after its marker, and what the marker says.
struct Line {
    std::string names;
    std::string type;
    std::string base64;
    KeyUse use = KeyUse::trusted;
};

std::optional<Line> split(const std::string& text) {
    std::istringstream words(text);
    Line line;
    if (!(words >> line.names) || line.names.starts_with('#')) return std::nullopt;
    if (line.names.starts_with('@')) {
        const bool revoked = line.names == "@revoked";
        if (!revoked && line.names != "@cert-authority") return std::nullopt;
        line.use = revoked ? KeyUse::revoked : KeyUse::authority;
        if (!(words >> line.names)) return std::nullopt;
    }
    if (!(words >> line.type >> line.base64)) return std::nullopt;
    return line;
}

std::string lowered(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

// '*' stands for any characters, '?' for one.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t at = 0;
    std::size_t in = 0;
    std::size_t star = std::string_view::npos;  // the last one, and what follows it was tried at
    std::size_t tried = 0;
    while (in < text.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            tried = in;
        } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[in])) {
            ++at;
            ++in;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            in = ++tried;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && pattern[at] == '*') ++at;
    return at == pattern.size();
}

// A list of plain names as ssh reads it: patterns, and with '!' those the line is not about.
bool list_names(const std::string& list, const std::string& name) {
    std::istringstream patterns(lowered(list));
    bool found = false;
    for (std::string pattern; std::getline(patterns, pattern, ',');) {
        const bool negated = pattern.starts_with('!');
        if (!matches(std::string_view(pattern).substr(negated ? 1 : 0), name)) continue;
        if (negated) return false;
        found = true;
    }
    return found;
}

// Whether a hashed name is `name`: libssh2 knows how.
bool holds_name(LIBSSH2_SESSION* session, const Line& line, const std::string& name) {
    const std::unique_ptr<LIBSSH2_KNOWNHOSTS, decltype(&libssh2_knownhost_free)> hosts(
        libssh2_knownhost_init(session), libssh2_knownhost_free);
    const std::string text = line.names + ' ' + line.type + ' ' + line.base64;
    if (!hosts || libssh2_knownhost_readline(
                      hosts.get(), text.data(), text.size(), LIBSSH2_KNOWNHOST_FILE_OPENSSH) != 0) {
        return false;  // a line that libssh2 cannot read names nobody
    }
    // With no key type given, every entry of the host is compared; the key itself is compared by
    // our caller.
    const int found =
        libssh2_knownhost_check(hosts.get(),
                                name.c_str(),
                                line.base64.c_str(),
                                line.base64.size(),
                                LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_BASE64,
                                nullptr);
    return found == LIBSSH2_KNOWNHOST_CHECK_MATCH || found == LIBSSH2_KNOWNHOST_CHECK_MISMATCH;
}

bool names_host(LIBSSH2_SESSION* session, const Line& line, const std::string& name) {
    const bool hashed = line.names.starts_with('|');
    return hashed ? holds_name(session, line, name) : list_names(line.names, name);
}

Result<std::vector<std::string>> read_lines(const std::string& path) {
    std::vector<std::string> lines;
    errno = 0;
    std::ifstream file(path);
    if (!file) {
        if (errno == ENOENT) return lines;
        return file_error(path, "cannot be read");
    }
    for (std::string line; std::getline(file, line);) lines.push_back(std::move(line));
    if (file.bad()) return file_error(path, "cannot be read");
    return lines;
}

std::vector<KnownKey> keys_named(LIBSSH2_SESSION* session,
                                 const std::vector<std::string>& lines,
                                 const std::string& name) {
    std::vector<KnownKey> keys;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto line = split(lines[i]);
        if (!line || !names_host(session, *line, name)) continue;
        keys.push_back({i + 1, line->type, line->base64, line->use});
    }
    return keys;
}

// Serializes changes: a mutex within the process, a lock on the directory for other processes.
threads::Mutex& changes_mutex() {
    static threads::Mutex mutex;
    return mutex;
}

std::string directory_of(const std::string& path) {
    const auto directory = std::filesystem::path(path).parent_path();
    return directory.empty() ? std::string(".") : directory.string();
}

class DirectoryLock {
  public:
    explicit DirectoryLock(const std::string& path)
        : fd_(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        if (fd_ >= 0) ::flock(fd_, LOCK_EX);
    }
    ~DirectoryLock() {
        if (fd_ >= 0) ::close(fd_);
    }
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;
    [[nodiscard]] bool held() const { return fd_ >= 0; }

  private:
    int fd_;
};

Result<> make_directory_of(const std::string& path) {
    const std::string directory = directory_of(path);
    std::error_code error;
    if (std::filesystem::exists(directory, error)) return ok();
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        return file_error(path, "its directory cannot be made");
    }
    return ok();
}

Result<> write_file(const std::string& path, const std::string& text, int flags, mode_t mode) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
    if (fd < 0) return file_error(path, "cannot be written");
    std::string_view rest = text;
    bool good = true;
    while (good && !rest.empty()) {
        const ssize_t put = ::write(fd, rest.data(), rest.size());
        good = put > 0 || errno == EINTR;
        if (put > 0) rest.remove_prefix(static_cast<std::size_t>(put));
    }
    good = good && ::fsync(fd) == 0;
    const Error error = good ? Error() : file_error(path, "cannot be written");
    ::close(fd);
    if (!good) return error;
    return ok();
}

// The line without `name`; nothing when no name is left.
std::optional<std::string> without_name(LIBSSH2_SESSION* session,
                                        const std::string& text,
                                        const std::string& name) {
    auto line = split(text);
    if (!line || line->use != KeyUse::trusted || !names_host(session, *line, name)) return text;
    std::istringstream names(line->names);
    std::string kept;
    for (std::string one; std::getline(names, one, ',');) {
        Line single = *line;
        single.names = one;
        // A pattern stays: it is about other hosts, too.
        const bool hashed = one.starts_with('|');
        if (hashed ? holds_name(session, single, name) : lowered(one) == name) continue;
        if (!kept.empty()) kept += ',';
        kept += one;
    }
    if (kept.empty()) return std::nullopt;
    const auto at = text.find(line->names);
    return text.substr(0, at) + kept + text.substr(at + line->names.size());
}

}  // namespace

std::string known_host_name(const std::string& address, std::uint16_t port) {
    std::string name = lowered(address);
    if (port == kSshPort) return name;
    return '[' + name + "]:" + std::to_string(port);
}

std::string known_hosts_path(const std::string& configured) {
    return expand_home(configured.empty() ? "~/.ssh/known_hosts" : configured);
}

Result<std::vector<KnownKey>> find_known_keys(LIBSSH2_SESSION* session,
                                              const std::string& path,
                                              const std::string& address,
                                              std::uint16_t port) {
    ZK_TRY(const std::vector<std::string> lines, read_lines(path));
    auto keys = keys_named(session, lines, known_host_name(address, port));
    const bool trusted = std::any_of(
        keys.begin(), keys.end(), [](const KnownKey& key) { return key.use == KeyUse::trusted; });
    if (trusted || port == kSshPort) return keys;
    for (KnownKey& key : keys_named(session, lines, known_host_name(address, kSshPort))) {
        key.other_port = true;
        keys.push_back(std::move(key));
    }
    return keys;
}

HostKeyVerdict judge_host_key(const std::vector<KnownKey>& known,
                              const std::string& type,
                              const std::string& base64) {
    const auto any = [&](auto holds) { return std::any_of(known.begin(), known.end(), holds); };
    const auto same = [&](const KnownKey& key) { return key.base64 == base64; };
    if (any([&](const KnownKey& key) { return key.use == KeyUse::revoked && same(key); })) {
        return HostKeyVerdict::revoked;
    }
    if (any([&](const KnownKey& key) { return key.use == KeyUse::trusted && same(key); })) {
        return HostKeyVerdict::known;
    }
    const auto expected = [](const KnownKey& key) {
        return key.use == KeyUse::trusted && !key.other_port;
    };
    if (!any(expected)) return HostKeyVerdict::unknown;
    const bool same_type =
        any([&](const KnownKey& key) { return expected(key) && key.type == type; });
    return same_type ? HostKeyVerdict::changed : HostKeyVerdict::other_type;
}

std::string key_type_of(const std::string& algorithm) {
    return algorithm.starts_with("rsa-sha2-") ? "ssh-rsa" : algorithm;
}

std::vector<std::string> host_key_algorithms(const std::vector<KnownKey>& known) {
    std::vector<std::string> algorithms = {"ssh-ed25519",
                                           "ecdsa-sha2-nistp256",
                                           "ecdsa-sha2-nistp384",
                                           "ecdsa-sha2-nistp521",
                                           "rsa-sha2-512",
                                           "rsa-sha2-256",
                                           "ssh-rsa"};
    const auto is_known = [&](const std::string& algorithm) {
        return std::ranges::any_of(known, [&](const KnownKey& key) {
            return key.use == KeyUse::trusted && key.type == key_type_of(algorithm);
        });
    };
    std::stable_partition(algorithms.begin(), algorithms.end(), is_known);
    return algorithms;
}

Result<> remember_host_key(const std::string& path,
                           const std::string& name,
                           const std::string& type,
                           const std::string& base64) {
    const threads::Lock guard(changes_mutex());
    ZK_CHECK(make_directory_of(path));
    const DirectoryLock lock(path);
    if (!lock.held()) return file_error(path, "cannot be locked");
    ZK_CHECK(read_lines(path));
    // A last line without a newline must not swallow ours.
    std::string prefix;
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (file && file.tellg() > 0) {
        file.seekg(-1, std::ios::end);
        if (file.get() != '\n') prefix = "\n";
    }
    return write_file(path, prefix + name + ' ' + type + ' ' + base64 + '\n', O_APPEND, 0600);
}

Result<> replace_host_key(LIBSSH2_SESSION* session,
                          const std::string& path,
                          const std::string& name,
                          const std::string& type,
                          const std::string& base64) {
    const threads::Lock guard(changes_mutex());
    ZK_CHECK(make_directory_of(path));
    const DirectoryLock lock(path);
    if (!lock.held()) return file_error(path, "cannot be locked");
    ZK_TRY(const std::vector<std::string> lines, read_lines(path));
    std::string text;
    for (const std::string& line : lines) {
        if (const auto kept = without_name(session, line, name)) text += *kept + '\n';
    }
    text += name + ' ' + type + ' ' + base64 + '\n';
    struct stat status {};
    const mode_t mode = ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0600U;
    // A symbolic link stays one: the file it leads to is replaced.
    std::error_code error;
    const auto real = std::filesystem::canonical(path, error);
    const std::string target = error ? path : real.string();
    const std::string aside = target + ".new";
    ZK_CHECK(write_file(aside, text, O_TRUNC, mode));
    if (::rename(aside.c_str(), target.c_str()) != 0) return file_error(path, "cannot be replaced");
    return ok();
}

}  // namespace zk::ssh
