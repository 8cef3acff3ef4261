#include "agent_host/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <span>
#include <sstream>
#include <string_view>
#include <thread>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "agent_host/posix.h"
#include "base/numbers.h"
#include "child/child.h"

namespace zk::agent_host {
namespace {

double seconds_since_boot() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

constexpr std::size_t kThreadsMax = 64;

/// The first words of `text`; false when there are fewer. The agent does this many times a second.
bool split(std::string_view text, std::span<std::string_view> words) {
    for (std::string_view& word : words) {
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        word = text.substr(0, text.find_first_of(" \n"));
        if (word.empty()) return false;
        text.remove_prefix(word.size());
    }
    return true;
}

/// The letter behind the program's name, which may hold any letter itself.
char state_in(const std::string& stat_path) {
    const auto text = read_file(stat_path, 4096);
    if (!text.has_value()) return 0;
    const std::size_t close = text->rfind(')');
    return close == Bytes::npos || close + 2 >= text->size() ? '\0' : (*text)[close + 2];
}

}  // namespace

std::optional<ProcessInfo> process_info(std::int64_t pid) {
    if (pid <= 0) return std::nullopt;
    const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!text.has_value()) return std::nullopt;
    const std::size_t open = text->find('(');
    const std::size_t close = text->rfind(')');
    if (open == Bytes::npos || close == Bytes::npos || close < open) return std::nullopt;
    ProcessInfo info;
    info.id.pid = pid;
    info.name = text->substr(open + 1, close - open - 1);
    // Behind the name: the state is field 3, the start 22, the resident pages 24.
    std::array<std::string_view, 22> fields;
    if (!split(std::string_view(*text).substr(close + 1), fields)) return std::nullopt;
    const auto started = parse_number<std::uint64_t>(fields[19]);
    const auto pages = parse_number<std::uint64_t>(fields[21]);
    if (!started || !pages) return std::nullopt;
    info.state = fields[0][0];
    info.zombie = info.state == 'Z' || info.state == 'X';
    info.id.start_ticks = *started;
    info.rss_bytes = *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const double age = seconds_since_boot() - static_cast<double>(info.id.start_ticks) / ticks;
    info.uptime_ms = age > 0 ? static_cast<std::uint64_t>(age * 1000) : 0;
    return info;
}

bool waits_for_disk(std::int64_t pid) {
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    std::size_t seen = 0;
    std::error_code code;
    for (std::filesystem::directory_iterator entry(tasks, code), end; !code && entry != end;
         entry.increment(code)) {
        if (state_in(entry->path().string() + "/stat") == 'D') return true;
        if (++seen == kThreadsMax) break;
    }
    return false;
}

OpenFiles open_files(std::int64_t pid) {
    OpenFiles files;
    const std::string process = "/proc/" + std::to_string(pid);
    struct stat status {};
    // Since Linux 6.2 the size of this directory is how many there are; reading it costs a moment for each.
    if (::stat((process + "/fd").c_str(), &status) == 0 && status.st_size > 0) {
        files.open = static_cast<std::uint64_t>(status.st_size);
    }
    const auto limits = read_file(process + "/limits", 65536);
    const std::string_view name = "Max open files";
    const std::size_t at = limits.has_value() ? limits->find(name) : Bytes::npos;
    if (at == Bytes::npos) return files;
    std::istringstream line(limits->substr(at + name.size()));
    std::uint64_t most = 0;
    if (line >> most) files.most = most;
    return files;
}

bool is_alive(const ProcessId& process) {
    const auto info = process_info(process.pid);
    return info && !info->zombie && info->id == process;
}

std::string program_sha256(std::int64_t pid) {
    const auto digest = sha256_of_file("/proc/" + std::to_string(pid) + "/exe");
    return digest.has_value() ? *digest : std::string();
}

Result<> write_pid_file(const std::string& path, const ProcessId& process) {
    FileOptions options;
    options.mode = 0644;
    return replace_file(
        path,
        std::to_string(process.pid) + " " + std::to_string(process.start_ticks) + "\n",
        options);
}

std::optional<ProcessId> read_pid_file(const std::string& path) {
    const auto text = read_file(path, 4096);
    if (!text.has_value()) return std::nullopt;
    std::istringstream words(*text);
    ProcessId process;
    if (!(words >> process.pid >> process.start_ticks)) return std::nullopt;
    return process;
}

std::optional<ProcessId> running_process(const std::string& pid_file, const std::string& program) {
    const auto recorded = read_pid_file(pid_file);
    if (recorded && is_alive(*recorded)) return recorded;
    std::error_code code;
    for (std::filesystem::directory_iterator entry("/proc", code), end; !code && entry != end;
         entry.increment(code)) {
        const std::string name = entry->path().filename().string();
        const auto pid = parse_number(name);
        if (!pid) continue;
        struct stat status {};
        if (::stat(entry->path().c_str(), &status) != 0 || status.st_uid != ::geteuid()) continue;
        const auto arguments = read_file(entry->path().string() + "/cmdline", 65536);
        if (!arguments.has_value() || std::string(arguments->c_str()) != program) continue;
        const auto info = process_info(*pid);
        if (info && !info->zombie) return info->id;
    }
    return std::nullopt;
}

Result<> end_process(const ProcessId& process, std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    bool killed = false;
    if (!is_alive(process)) return ok();
    const auto pid = static_cast<pid_t>(process.pid);
    if (::kill(pid, SIGTERM) != 0 && errno != ESRCH) {
        return system_error("stop the process " + std::to_string(process.pid));
    }
    while (is_alive(process)) {
        const auto now = std::chrono::steady_clock::now();
        if (!killed && now > deadline) {
            ::kill(pid, SIGKILL);
            killed = true;
        }
        if (now > deadline + std::chrono::seconds(10)) {
            return Error(Errc::timeout,
                         "the process " + std::to_string(process.pid) + " does not end");
        }
        ::waitpid(pid, nullptr, WNOHANG);  // in case it is a child of this process
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return ok();
}

Result<ProcessId> start_detached(const std::vector<std::string>& arguments,
                                 const std::string& output) {
    const Fd log(::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (!log.is_open()) return system_error("open " + output);
    child::Child program;
    program.command = arguments;
    program.out = program.err = log.get();
    program.group = child::Group::session;
    // The caller's directory may be one that is to be removed or unmounted later.
    program.directory = "/";
    ZK_TRY(const pid_t pid, child::start(program));
    const auto info = process_info(pid);
    if (!info) return Error(Errc::failed, arguments.front() + " ended at once");
    return info->id;
}

}  // namespace zk::agent_host
