#include "data_users/data_users.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <unistd.h>
#include <utility>

#include "base/numbers.h"
#include "server_commands/server_commands.h"

namespace zk::data_users {
namespace {

constexpr std::size_t kTextMax = std::size_t{1} << 20;

/// Without symbolic links; empty when it does not exist.
std::string real_path(const std::string& path) {
    char* const resolved = ::realpath(path.c_str(), nullptr);
    if (resolved == nullptr) return {};
    std::string text = resolved;
    std::free(resolved);
    return text;
}

std::optional<std::string> link_target(const std::string& path) {
    std::string target(PATH_MAX, '\0');
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return std::nullopt;
    target.resize(static_cast<std::size_t>(size));
    return target;
}

std::optional<std::string> text_of(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::nullopt;
    std::string text;
    char block[4096];
    ssize_t count = 0;
    while (text.size() < kTextMax && (count = ::read(file, block, sizeof block)) > 0)
        text.append(block, static_cast<std::size_t>(count));
    ::close(file);
    return text;
}

std::vector<std::string> entries(const std::string& dir) {
    std::vector<std::string> names;
    DIR* const stream = ::opendir(dir.c_str());
    if (stream == nullptr) return names;
    // Each stream is used by one thread only, which is what readdir asks for.
    while (const dirent* entry = ::readdir(stream))  // NOLINT(concurrency-mt-unsafe)
        names.emplace_back(entry->d_name);
    ::closedir(stream);
    return names;
}

/// The directories that matter, in both their forms.
class Watched {
  public:
    explicit Watched(const storage::Paths& paths) {
        for (const std::string& dir : {paths.data_dir, paths.log_dir}) {
            std::string real = real_path(dir);
            if (!real.empty()) dirs_.push_back(std::move(real));
        }
    }
    [[nodiscard]] bool is_one(const std::string& real) const {
        return std::ranges::find(dirs_, real) != dirs_.end();
    }
    [[nodiscard]] bool holds(const std::string& file) const {
        return std::ranges::any_of(dirs_, [&file](const std::string& dir) {
            return file.starts_with(dir == "/" ? dir : dir + "/");
        });
    }

  private:
    std::vector<std::string> dirs_;
};

class Process {
  public:
    Process(std::string dir, const Watched& watched) : dir_(std::move(dir)), watched_(watched) {}

    [[nodiscard]] std::optional<std::string> open_file() const {
        for (const std::string& name : entries(dir_ + "/fd")) {
            const auto target = link_target(dir_ + "/fd/" + name);
            if (target && watched_.holds(*target)) return "has " + *target + " open";
        }
        return std::nullopt;
    }

    /// Errc::refused: it is a server, and of which directories cannot be told.
    [[nodiscard]] Result<std::optional<std::string>> as_server() const {
        using Why = std::optional<std::string>;
        const auto cmdline = text_of(dir_ + "/cmdline");
        if (!cmdline) return Why();
        const auto command = server_commands::apache_server(server_commands::words_of(*cmdline));
        if (!command) return Why();
        if (!command->data_dir.empty()) {
            ZK_TRY(const std::string real, in_its_place(command->data_dir));
            return watched_.is_one(real) ? Why("is Apache's server of it") : Why();
        }
        if (command->config_file.empty()) return Why();
        ZK_TRY(const std::string config, in_its_place(command->config_file));
        const auto text = text_of(config);
        if (!text) return cannot_look(config);
        for (const std::string& directory : server_commands::directories_of(*text)) {
            ZK_TRY(const std::string real, in_its_place(directory));
            if (watched_.is_one(real)) return Why("is Apache's server with " + config);
        }
        return Why();
    }

  private:
    /// A path as the process means it. Empty: it does not exist.
    [[nodiscard]] Result<std::string> in_its_place(const std::string& path) const {
        if (path.starts_with('/')) return real_path(path);
        const auto cwd = link_target(dir_ + "/cwd");
        if (!cwd) return cannot_look(dir_ + "/cwd");
        return real_path(*cwd + "/" + path);
    }
    [[nodiscard]] Error cannot_look(const std::string& at) const {
        return {Errc::refused,
                "the process of " + dir_ +
                    " is one of Apache's servers, and whether it uses this "
                    "directory cannot be told (" +
                    at +
                    " cannot be read): stop it, or call this as root "
                    "or as its user"};
    }

    std::string dir_;
    const Watched& watched_;
};

}  // namespace

Result<std::vector<Use>> find_users(const storage::Paths& paths, const std::string& proc) {
    const Watched watched(paths);
    std::vector<Use> found;
    for (const std::string& name : entries(proc)) {
        const auto pid = parse_number<int>(name);
        if (!pid || *pid == ::getpid()) continue;
        const Process process(proc + "/" + name, watched);
        std::optional<std::string> why = process.open_file();
        if (!why) {
            ZK_TRY(why, process.as_server());
        }
        if (why) found.push_back({*pid, *std::move(why)});
    }
    return found;
}

}  // namespace zk::data_users
