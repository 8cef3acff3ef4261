#include "agent_host/removal_data.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <unistd.h>

#include <sys/stat.h>

#include "agent_api/node_facts.h"
#include "agent_api/removal.h"
#include "agent_host/posix.h"
#include "base/numbers.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVersion2 = "version-2";
constexpr std::size_t kOwnerFileBytesMax = 65536;

bool is_plain_file(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// Sorted. Errors: all but that there is no such directory.
Result<std::vector<std::string>> sorted_names_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code code;
    for (fs::directory_iterator at(directory, code), end; !code && at != end; at.increment(code)) {
        names.push_back(at->path().filename().string());
    }
    if (code && code != std::errc::no_such_file_or_directory) {
        return Error(code, "look into " + directory);
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// Of version-2: what a server of either flavor, or one that was cut off, leaves there.
bool is_stored(std::string_view name) {
    constexpr std::array<std::string_view, 6> kBegins = {
        "log.", "snapshot.", "staged.snapshot.", "acceptedEpoch", "currentEpoch", "updatingEpoch"};
    const auto begins = [&](std::string_view begin) {
        return name.starts_with(begin) || name.starts_with("tmp." + std::string(begin));
    };
    return std::any_of(kBegins.begin(), kBegins.end(), begins);
}

bool is_console_log(std::string_view name) {
    return name.find(".log") != std::string_view::npos ||
           name.find(".out") != std::string_view::npos;
}

/// What says whose the data are.
bool is_owners(std::string_view name) {
    return name == "myid" || name == agent_api::kDataOwnerFile || name == agent_api::kLeftDataFile;
}

bool is_beside_stored(std::string_view name) {
    return is_owners(name) || name == "initialize" || name == "zookeeper_server.pid" ||
           is_console_log(name);
}

std::string logs_of_container(const agent_api::NodeSpec& spec) {
    const std::string logs = spec.install_dir + "/logs";
    const bool made = std::any_of(spec.directories.begin(),
                                  spec.directories.end(),
                                  [&](const auto& directory) { return directory.path == logs; });
    return spec.container && made && logs != spec.data_dir && logs != spec.log_dir ? logs : "";
}

/// The other directory of the pair may lie inside.
bool leads_to_other(const agent_api::NodeSpec& spec, const std::string& path) {
    return lies_inside(spec.data_dir, path) || lies_inside(spec.log_dir, path);
}

std::string stranger_in_version2(const std::string& directory) {
    if (!is_directory(directory)) return directory;
    const auto names = sorted_names_in(directory);
    if (!names.has_value()) return directory;
    for (const std::string& name : *names) {
        const std::string path = directory + "/" + name;
        if (!is_stored(name) || !is_plain_file(path)) return path;
    }
    return {};
}

std::string stranger_in(const agent_api::NodeSpec& spec, const std::string& directory) {
    const auto names = sorted_names_in(directory);
    if (!names.has_value()) return directory;
    for (const std::string& name : *names) {
        const std::string path = directory + "/" + name;
        if (name == "lost+found" || leads_to_other(spec, path)) continue;
        if (name == kVersion2) {
            if (auto stranger = stranger_in_version2(path); !stranger.empty()) return stranger;
            continue;
        }
        if (!is_beside_stored(name) || !is_plain_file(path)) return path;
    }
    return {};
}

enum class Part { all_but_owners, owners };

Result<> empty_directory(const agent_api::NodeSpec& spec, const std::string& directory, Part part) {
    ZK_TRY(const auto names, sorted_names_in(directory));
    for (const std::string& name : names) {
        const std::string path = directory + "/" + name;
        if (name == "lost+found" || leads_to_other(spec, path)) continue;
        if (is_owners(name) != (part == Part::owners)) continue;
        // Nothing but what was looked at before: more may have come since.
        if (name != kVersion2) {
            if (is_beside_stored(name)) ZK_CHECK(remove_file(path));
            continue;
        }
        ZK_TRY(const auto stored, sorted_names_in(path));
        for (const std::string& each : stored) {
            if (is_stored(each)) ZK_CHECK(remove_file(path + "/" + each));
        }
        if (::rmdir(path.c_str()) != 0 && errno != ENOTEMPTY) return system_error("delete " + path);
    }
    return ok();
}

void give_tree(const std::string& top, std::uint32_t uid, Result<>& done) {
    const auto give = [&](const std::string& path) {
        struct stat status {};
        if (::lstat(path.c_str(), &status) != 0 || status.st_uid != uid) return;
        if (::lchown(path.c_str(), 0, 0) != 0) done = system_error("give " + path + " to root");
    };
    give(top);
    if (!is_directory(top)) return;
    std::error_code code;
    // Links to directories are not gone into.
    for (fs::recursive_directory_iterator at(top, code), end; !code && at != end;
         at.increment(code)) {
        give(at->path().string());
    }
}

}  // namespace

std::vector<std::string> data_places(const agent_api::NodeSpec& spec) {
    std::vector<std::string> places;
    for (const std::string& path : {spec.data_dir, spec.log_dir, logs_of_container(spec)}) {
        const bool twice = std::find(places.begin(), places.end(), path) != places.end();
        if (!path.empty() && !twice && exists(path)) places.push_back(path);
    }
    return places;
}

std::string why_not_its_data(const agent_api::NodeSpec& spec) {
    const auto myid = read_file(spec.data_dir + "/myid", 64);
    if (myid.has_value()) {
        const ByteView line = ByteView(*myid).substr(0, myid->find_last_not_of(" \r\n\t") + 1);
        const auto id = parse_number<std::int64_t>(line);
        if (!id || ServerId(*id) != spec.sid) {
            return spec.data_dir + "/myid does not say " + to_string(spec.sid);
        }
    }
    const std::string owner_file = spec.data_dir + "/" + std::string(agent_api::kDataOwnerFile);
    const auto text = read_file(owner_file, kOwnerFileBytesMax);
    if (text.has_value()) {
        const auto owner = agent_api::parse_data_owner(*text);
        if (!owner.has_value()) return owner_file + " cannot be read";
        if (owner->cluster != spec.cluster || owner->sid != spec.sid ||
            owner->generation != spec.generation) {
            return owner_file + " says server " + to_string(owner->sid) + " of " + owner->cluster +
                   ", formation " + owner->generation;
        }
    }
    if (myid.has_value() || text.has_value()) return {};
    for (const std::string& place : data_places(spec)) {
        const auto names = sorted_names_in(place);
        if (!names.has_value() || !names->empty()) {
            return "nothing in " + spec.data_dir + " says whose it is";
        }
    }
    return {};
}

std::string stranger_in_data(const agent_api::NodeSpec& spec) {
    for (const std::string& place : data_places(spec)) {
        if (auto stranger = stranger_in(spec, place); !stranger.empty()) return stranger;
    }
    return {};
}

std::vector<std::string> copies_of_data(const agent_api::NodeSpec& spec) {
    std::vector<std::string> copies;
    for (const std::string& place : {spec.data_dir, spec.log_dir}) {
        const std::string parent = parent_of(place);
        const auto names = sorted_names_in(parent);
        if (!names.has_value()) continue;
        for (const std::string& name : *names) {
            const std::string path = (parent == "/" ? "" : parent) + "/" + name;
            const bool copy =
                path.starts_with(place + ".quarantine-") || path.starts_with(place + ".before-");
            if (copy && std::find(copies.begin(), copies.end(), path) == copies.end()) {
                copies.push_back(path);
            }
        }
    }
    return copies;
}

Result<std::vector<std::string>> delete_data(const agent_api::NodeSpec& spec) {
    std::vector<std::string> gone;
    std::vector<std::string> places = data_places(spec);
    for (const std::string& place : places) {
        ZK_CHECK(empty_directory(spec, place, Part::all_but_owners));
    }
    // One that lies in another goes before it.
    std::sort(places.begin(), places.end(), [](const std::string& one, const std::string& other) {
        return one.size() > other.size();
    });
    for (const std::string& place : places) {
        ZK_CHECK(empty_directory(spec, place, Part::owners));
        // A mount point, or a link to one, stays as it is: empty.
        if (::rmdir(place.c_str()) == 0) gone.push_back(place);
    }
    return gone;
}

Result<> give_data_to_root(const agent_api::NodeSpec& spec, std::uint32_t uid) {
    Result<> done = ok();
    // A record that the server's account wrote would become one of ours.
    const std::string word = spec.data_dir + "/" + std::string(agent_api::kLeftDataFile);
    struct stat status {};
    if (::lstat(word.c_str(), &status) == 0 && status.st_uid == uid) ZK_CHECK(remove_file(word));
    for (const std::string& place : data_places(spec)) give_tree(place, uid, done);
    for (const std::string& copy : copies_of_data(spec)) give_tree(copy, uid, done);
    return done;
}

}  // namespace zk::agent_host
