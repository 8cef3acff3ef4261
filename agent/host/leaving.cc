#include "agent_host/leaving.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <unistd.h>

#include <sys/stat.h>

#include "agent_host/apache_release.h"
#include "agent_host/posix.h"
#include "agent_host/systemd.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kJoinUnit = "zkprov-join.service";
constexpr std::string_view kScript = "/etc/zkprov/first-boot.sh";
constexpr std::string_view kStamp = "/usr/local/lib/zkprov/bundle.sha256";
constexpr std::string_view kCache = "/var/cache/zkprov";
constexpr std::array<std::string_view, 4> kFirstBoot = {
    "/etc/systemd/system/multi-user.target.d/zkprov-join.conf",
    "/etc/systemd/system/zkprov-join.service",
    "/etc/zkprov/inventory.yaml",
    "/etc/zkprov/first-boot.sh",
};
constexpr std::array<std::string_view, 2> kPrograms = {"/usr/local/lib/zkprov/zkprov-agent",
                                                       "/usr/local/lib/zkprov/zkserver"};
constexpr std::string_view kStateDirs = "/var/lib/zkprov/";
constexpr std::string_view kRuntimeDir = "/run/zkprov";
constexpr std::string_view kProgram = "/bin/zkprov-agent";
constexpr std::string_view kPushed =
    "zkprov-agent.new.";  // as ssh/bootstrap names what it receives
constexpr std::size_t kScriptBytesMax = 1U << 20;

std::vector<std::string> paths_in(const std::string& directory) {
    std::vector<std::string> paths;
    std::error_code code;
    for (fs::directory_iterator at(directory, code), end; !code && at != end; at.increment(code)) {
        paths.push_back(at->path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

bool is_record(const std::string& directory) {
    return exists(directory + "/spec.json") || exists(directory + "/identity.json");
}

}  // namespace

std::vector<std::string> first_boot_files(const std::string& cluster, const std::string& root) {
    const auto script = read_file(root + std::string(kScript), kScriptBytesMax);
    // Its second line, by which an image of another ensemble is left alone.
    if (!script.has_value() ||
        script->find("\n# First boot of a node of " + cluster + ". ") == std::string::npos) {
        return {};
    }
    std::vector<std::string> files;
    for (const std::string_view path : kFirstBoot) {
        if (exists(root + std::string(path))) files.push_back(root + std::string(path));
    }
    // By the stamp they are known to be its own.
    if (!exists(root + std::string(kStamp))) return files;
    for (const std::string_view path : kPrograms) {
        if (exists(root + std::string(path))) files.push_back(root + std::string(path));
    }
    files.push_back(root + std::string(kStamp));
    return files;
}

Result<> stop_first_boot(const std::string& cluster) {
    if (first_boot_files(cluster).empty() || !runs_systemd()) return ok();
    return stop_unit(std::string(kJoinUnit));
}

Result<> remove_first_boot(const std::string& cluster,
                           std::vector<std::string>& removed,
                           const std::string& root) {
    auto files = first_boot_files(cluster, root);
    if (files.empty()) return ok();
    // It names the ensemble, so it goes last.
    const std::string script = root + std::string(kScript);
    std::erase(files, script);
    files.push_back(script);
    for (const std::string& path : files) {
        ZK_CHECK(remove_file(path));
        removed.push_back(path);
    }
    remove_tree(root + std::string(kCache));
    for (const char* directory :
         {"/etc/zkprov", "/usr/local/lib/zkprov", "/etc/systemd/system/multi-user.target.d"}) {
        ::rmdir((root + directory).c_str());
    }
    return root.empty() && runs_systemd() ? reload_systemd() : ok();
}

Result<> remove_state(const StateDir& state, std::vector<agent_api::KeptThing>& kept) {
    if (state.socket_dir() != state.path()) remove_tree(state.socket_dir());
    for (const std::string& path : paths_in(state.path())) {
        if (path == state.blob_dir()) {
            remove_tree(path);
        } else if (!is_directory(path)) {
            ZK_CHECK(remove_file(path));
        } else if (path != state.file("bin") && !is_record(path)) {
            // A session of another node may have it just now: gone only when nothing is in it.
            ::rmdir(path.c_str());
        }
    }
    // Systemd makes it for each agent of this host.
    if (state.path().starts_with(kStateDirs)) ::rmdir(std::string(kRuntimeDir).c_str());
    if (::rmdir(state.path().c_str()) == 0 || errno == ENOENT) return ok();
    for (const std::string& path : paths_in(state.path())) {
        if (path != state.file("bin") && !is_record(path)) {
            kept.push_back({path, "zkprov did not make it"});
        }
    }
    return ok();
}

bool remove_program(const std::string& program) {
    if (!program.ends_with(kProgram)) return false;
    const std::string directory = program.substr(0, program.size() - kProgram.size());
    if (is_record(directory)) return false;
    for (const std::string& path : paths_in(directory)) {
        if (is_record(path)) return false;
    }
    for (const std::string& path : paths_in(directory + "/bin")) {
        const std::string name = path.substr(path.rfind('/') + 1);
        if (path == program || name.starts_with(kPushed)) ::unlink(path.c_str());
    }
    ::rmdir((directory + "/bin").c_str());
    ::rmdir(directory.c_str());
    return !exists(program);
}

}  // namespace zk::agent_host
