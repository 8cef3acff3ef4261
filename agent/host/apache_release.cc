#include "agent_host/apache_release.h"

#include <chrono>
#include <filesystem>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "agent_api/node_spec.h"
#include "agent_host/posix.h"
#include "base/numbers.h"
#include "tarball/tarball.h"

namespace zk::agent_host {
namespace {

constexpr std::size_t kDigestDigits = 64;
constexpr std::size_t kRecordBytesMax = 4096;
constexpr std::size_t kWordsMax = 200;
/// A JVM on a busy host with a slow disk.
constexpr auto kJavaPatience = std::chrono::seconds(20);

std::string record_in(const std::string& directory) {
    return directory + "/" + std::string(agent_api::kReleaseRecord);
}

std::string first_line(const std::string& text) {
    return text.substr(0, std::min(text.find_first_of("\r\n"), kWordsMax));
}

}  // namespace

std::string recorded_release(const std::string& record_path) {
    const auto text = read_file(record_path, kRecordBytesMax);
    if (!text.has_value()) return {};
    std::string digest = text->substr(0, text->find('\n'));
    const bool good = digest.size() == kDigestDigits &&
                      digest.find_first_not_of("0123456789abcdef") == std::string::npos;
    return good ? digest : std::string();
}

std::string running_release(std::int64_t pid) {
    return recorded_release(record_in("/proc/" + std::to_string(pid) + "/cwd"));
}

std::string release_flavor(const std::string& directory) {
    if (exists(record_in(directory))) return "apache";
    if (exists(directory + "/bin/zkserver")) return "zkserver";
    return {};
}

Result<> stage_apache_release(const std::string& tarball,
                              const std::string& sha256,
                              const std::string& directory) {
    ZK_TRY(const std::string digest, sha256_of_file(tarball));
    if (digest != sha256) {
        return Error(Errc::corrupt, "the release was damaged on its way to " + tarball);
    }
    // Of an earlier try that was cut short.
    if (is_begun_apache_release(directory)) remove_tree(directory);
    std::vector<std::string> made;
    ZK_CHECK(make_directories(directory, 0755, made));
    FileOptions options;
    options.mode = 0644;
    // First, so that what was begun is known by it.
    ZK_CHECK(write_new_file(record_in(directory), sha256 + "\n", options));
    ZK_CHECK(set_directory(directory, 0755, std::nullopt, std::nullopt));
    auto unpacked = tarball::unpack(tarball, directory);
    if (!unpacked.has_value())
        return unpacked.error().with_context("the release cannot be unpacked");
    return ok();
}

bool is_begun_apache_release(const std::string& directory) {
    struct stat status {};
    if (::lstat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return false;
    return ::lstat(record_in(directory).c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool remove_tree(const std::string& directory) {
    std::error_code code;
    std::filesystem::remove_all(directory, code);
    return !code;
}

Java ask_java(const std::string& program) {
    Java java;
    if (!exists(program)) {
        java.words = "there is no " + program;
        return java;
    }
    const auto ran = run_command({program, "-version"}, kJavaPatience);
    if (!ran.has_value()) {
        java.words = program + " does not run: " + ran.error().message();
        return java;
    }
    java.words = first_line(ran->output);
    if (ran->exit_status == 0) java.version = java_version_in(ran->output);
    return java;
}

std::int64_t java_version_in(const std::string& words) {
    constexpr std::string_view kBefore = "version \"";
    const std::size_t at = words.find(kBefore);
    if (at == std::string::npos) return 0;
    std::string_view version = std::string_view(words).substr(at + kBefore.size());
    // Before 9 the number was the second one.
    if (version.starts_with("1.")) version.remove_prefix(2);
    version = version.substr(0, version.find_first_not_of("0123456789"));
    return parse_number<std::int64_t>(version).value_or(0);
}

}  // namespace zk::agent_host
