#include "zkcli/terminal.h"

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <fcntl.h>
#include <histedit.h>
#include <unistd.h>

#include <sys/stat.h>

namespace zk::zkcli {
namespace {

constexpr int kHistoryLines = 1000;

class Pipe final : public LineSource {
  public:
    explicit Pipe(Loop& loop) : loop_(loop) {}

    std::optional<std::string> next() override {
        for (;;) {
            const auto end = buffer_.find('\n');
            if (end != std::string::npos) {
                std::string line = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                return line;
            }
            if (at_end_) break;
            loop_.wait_readable(STDIN_FILENO);
            char bytes[4096];
            const auto size = ::read(STDIN_FILENO, bytes, sizeof bytes);
            if (size > 0) buffer_.append(bytes, static_cast<std::size_t>(size));
            at_end_ = size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN);
        }
        if (buffer_.empty()) return std::nullopt;
        return std::exchange(buffer_, {});
    }
    void interject(const std::string& text) override {
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
    }

  private:
    Loop& loop_;
    std::string buffer_;
    bool at_end_ = false;
};

class Terminal final : public LineSource {
  public:
    Terminal(Loop& loop, TerminalOptions options) : loop_(loop), options_(std::move(options)) {}
    ~Terminal() override {
        if (history_ != nullptr) ::history_end(history_);
        if (edit_ != nullptr) ::el_end(edit_);
    }

    bool start() {
        std::setlocale(LC_CTYPE, "C.UTF-8");  // NOLINT(concurrency-mt-unsafe): the only thread
        edit_ = ::el_init("zkcli", stdin, stdout, stderr);
        history_ = ::history_init();
        if (edit_ == nullptr || history_ == nullptr) return false;
        HistEvent event;
        ::history(history_, &event, H_SETSIZE, kHistoryLines);
        ::history(history_, &event, H_SETUNIQUE, 1);
        if (!options_.history_file.empty()) {
            ::history(history_, &event, H_LOAD, options_.history_file.c_str());
        }
        ::el_set(edit_, EL_CLIENTDATA, this);
        ::el_set(edit_, EL_PROMPT, &Terminal::give_prompt);
        ::el_set(edit_, EL_EDITOR, "emacs");
        ::el_set(edit_, EL_SIGNAL, 1);
        ::el_set(edit_, EL_HIST, ::history, history_);
        ::el_set(edit_, EL_ADDFN, "zk-complete", "what can stand here", &Terminal::on_tab);
        ::el_set(edit_, EL_BIND, "^I", "zk-complete", nullptr);
        ::el_set(edit_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
        ::el_set(edit_, EL_GETCFN, &Terminal::get_character);
        return true;
    }

    std::optional<std::string> next() override {
        int count = 0;
        typing_ = true;
        const char* got = ::el_gets(edit_, &count);
        typing_ = false;
        if (got == nullptr || count <= 0) {
            std::fputs("\n", stdout);
            return std::nullopt;
        }
        std::string line(got, static_cast<std::size_t>(count));
        while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
        keep(line);
        return line;
    }

    void interject(const std::string& text) override {
        if (typing_ && text.front() != '\n') std::fputs("\n", stdout);
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
        if (typing_) ::el_set(edit_, EL_REFRESH);
    }

  private:
    static Terminal& self_of(EditLine* edit) {
        void* data = nullptr;
        ::el_get(edit, EL_CLIENTDATA, &data);
        return *static_cast<Terminal*>(data);
    }
    static char* give_prompt(EditLine* edit) {
        Terminal& self = self_of(edit);
        self.prompt_ = self.options_.prompt();
        return self.prompt_.data();
    }

    /// One character of UTF-8; 0 at the end of the input, -1 for an error.
    static int get_character(EditLine* edit, wchar_t* to) {
        Terminal& self = self_of(edit);
        std::mbstate_t state{};
        for (int bytes = 0; bytes < 4;) {
            self.loop_.wait_readable(STDIN_FILENO);
            char byte = 0;
            const auto size = ::read(STDIN_FILENO, &byte, 1);
            if (size < 0 && errno == EINTR) continue;
            if (size <= 0) return static_cast<int>(size);
            ++bytes;
            const auto used = std::mbrtowc(to, &byte, 1, &state);
            if (used == static_cast<std::size_t>(-1)) break;  // no UTF-8: the byte as it is
            if (used != static_cast<std::size_t>(-2)) return 1;
        }
        *to = L'?';
        return 1;
    }

    static unsigned char on_tab(EditLine* edit, int) {
        Terminal& self = self_of(edit);
        const LineInfo* info = ::el_line(edit);
        const std::string line(info->buffer, info->cursor);
        const auto found = cli::complete(line, self.options_.children);
        if (found.candidates.empty()) return CC_ERROR;
        std::string more = found.common(line).substr(line.size() - found.from);
        const bool only = found.candidates.size() == 1;
        if (only && found.candidates.front().front() != '/') more += ' ';
        if (!more.empty()) {
            ::el_insertstr(edit, more.c_str());
            return CC_REFRESH;
        }
        if (only) return CC_NORM;
        std::string text = "\n";
        for (const auto& candidate : found.candidates) text += candidate + "\n";
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
        return CC_REDISPLAY;
    }

    void keep(const std::string& line) {
        if (line.find_first_not_of(" \t") == std::string::npos) return;
        HistEvent event;
        ::history(history_, &event, H_ENTER, line.c_str());
        if (options_.history_file.empty() || !may_be_kept(line)) return;
        // Made by ourselves, so that nobody else can read it from the first byte on.
        const int file = ::open(options_.history_file.c_str(),
                                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                                0600);
        if (file < 0) return;
        ::fchmod(file, 0600);
        if (FILE* stream = ::fdopen(file, "w")) {
            save(stream);
            std::fclose(stream);
        } else {
            ::close(file);
        }
    }

    /// All that may be kept, oldest first.
    void save(FILE* to) {
        History* kept = ::history_init();
        if (kept == nullptr) return;
        HistEvent event;
        HistEvent ignored;
        ::history(kept, &ignored, H_SETSIZE, kHistoryLines);
        for (int more = ::history(history_, &event, H_LAST); more != -1;
             more = ::history(history_, &event, H_PREV)) {
            if (may_be_kept(event.str)) ::history(kept, &ignored, H_ENTER, event.str);
        }
        ::history(kept, &ignored, H_SAVE_FP, to);
        ::history_end(kept);
    }

    Loop& loop_;
    TerminalOptions options_;
    EditLine* edit_ = nullptr;
    History* history_ = nullptr;
    std::string prompt_;
    bool typing_ = false;
};

}  // namespace

bool may_be_kept(const std::string& line) {
    const auto start = line.find_first_not_of(" \t");
    return start == std::string::npos || line.compare(start, 7, "addauth") != 0;
}

std::unique_ptr<LineSource> pipe_lines(Loop& loop) { return std::make_unique<Pipe>(loop); }

std::unique_ptr<LineSource> terminal_lines(Loop& loop, TerminalOptions options) {
    auto terminal = std::make_unique<Terminal>(loop, std::move(options));
    if (!terminal->start()) return nullptr;
    return terminal;
}

}  // namespace zk::zkcli
