#include "agent_host/journal.h"

#include <cerrno>
#include <fcntl.h>
#include <sstream>
#include <unistd.h>

namespace zk::agent_host {

JournalState parse_journal(const std::string& text) {
    JournalState state;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = text.find('\n', at);
        if (end == std::string::npos) break;
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        std::istringstream words(line);
        std::string word;
        words >> word;
        if (word == "begin") {
            state = JournalState();
            state.interrupted = true;
        } else if (word == "end") {
            state.interrupted = false;
        } else if (word == "plan") {
            JournalStep step;
            const std::size_t tab = line.find('\t');
            words >> step.step;
            if (tab != std::string::npos) step.target = line.substr(tab + 1);
            state.steps.push_back(std::move(step));
        } else {
            std::size_t index = 0;
            if (!(words >> index) || index >= state.steps.size()) continue;
            JournalStep& step = state.steps[index];
            if (word == "done") step.done = true;
            if (word == "doing") {
                step.begun = true;
                words >> step.pid;
            }
        }
    }
    return state;
}

Result<JournalState> read_journal(const std::string& path) {
    const auto text = read_file(path);
    if (text.has_value()) return parse_journal(*text);
    if (is_not_found(text.error())) return JournalState();
    return text.error();
}

Result<Journal> Journal::begin(const std::string& path,
                               const std::string& spec_hash,
                               const std::vector<JournalStep>& steps) {
    std::string text = "begin " + spec_hash + "\n";
    for (const JournalStep& step : steps) text += "plan " + step.step + "\t" + step.target + "\n";
    ZK_CHECK(replace_file(path, text, FileOptions()));
    Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!file.is_open()) return system_error("open " + path);
    return Journal(path, std::move(file));
}

Result<> Journal::doing(std::size_t index, std::int64_t pid) {
    return append("doing " + std::to_string(index) + " " + std::to_string(pid) + "\n");
}
Result<> Journal::done(std::size_t index) { return append("done " + std::to_string(index) + "\n"); }
Result<> Journal::end() { return append("end\n"); }

Result<> Journal::append(const std::string& line) {
    errno = ENOSPC;  // what a short write means, which sets no error
    const ssize_t size = ::write(file_.get(), line.data(), line.size());
    if (size != static_cast<ssize_t>(line.size())) return system_error("write " + path_);
    if (::fdatasync(file_.get()) != 0) return system_error("sync " + path_);
    return ok();
}

}  // namespace zk::agent_host
