#include "ssh/host_talk.h"

#include <algorithm>
#include <sstream>

namespace zk::ssh {
namespace {

constexpr std::string_view kMark = "zkprov-";
constexpr std::size_t kLineBytesMax = 256;
constexpr std::size_t kNoiseBytesMax = 1024 * 1024;
constexpr std::chrono::milliseconds kLookTime{500};

bool is_word(std::string_view word, std::string_view characters) {
    return !word.empty() && word.find_first_not_of(characters) == std::string_view::npos;
}

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";

bool is_hello(const std::string& line) {
    std::istringstream words(line);
    std::string hello;
    std::string version;
    std::string arch;
    std::string uid;
    std::string sha256;
    std::string more;
    words >> hello >> version >> arch >> uid >> sha256;
    if (words >> more) return false;
    return hello == "hello" && version == "1" && is_word(arch, kNameCharacters) &&
           is_word(uid, kDigits) && uid.size() <= 10 &&
           (sha256 == "none" || (is_word(sha256, kHexDigits) && sha256.size() == 64));
}

// Whether our script says this. A host that prints the command that it was given shows the script
// itself, which is none of its lines.
bool is_ours(const std::string& line) {
    if (line == "shell" || line == "ready" || line == "pushed" || line == "start") return true;
    if (line.starts_with("fail ")) {
        return is_word(line, "abcdefghijklmnopqrstuvwxyz0123456789 ");
    }
    return line.size() <= kLineBytesMax && line.starts_with("hello ") && is_hello(line);
}

}  // namespace

void HostTalk::drop(std::size_t bytes) {
    printed_.append(inbox_, 0, bytes);
    trim_last_words(printed_);
    printed_bytes_ += bytes;
    inbox_.erase(0, bytes);
}

// Drops what is before the line, or as much as cannot be the beginning of one.
std::optional<std::string> HostTalk::take_line() {
    std::size_t keep_from = inbox_.size() - std::min(inbox_.size(), kMark.size() - 1);
    for (std::size_t at = 0; (at = inbox_.find(kMark, at)) != Bytes::npos; ++at) {
        const std::size_t end = inbox_.find('\n', at);
        if (end == Bytes::npos) {
            if (inbox_.size() - at > kLineBytesMax) continue;
            keep_from = std::min(keep_from, at);
            break;
        }
        std::string line = inbox_.substr(at + kMark.size(), end - at - kMark.size());
        const bool in_terminal = line.ends_with('\r');
        if (in_terminal) line.pop_back();
        if (!is_ours(line)) continue;
        in_terminal_ = in_terminal;
        drop(at);
        inbox_.erase(0, end - at + 1);
        return line;
    }
    drop(keep_from);
    return std::nullopt;
}

Result<std::string> HostTalk::next_line(LinkDeadline deadline,
                                        std::optional<std::chrono::seconds> after_invitation) {
    while (true) {
        if (auto line = take_line()) return *std::move(line);
        if (printed_bytes_ > kNoiseBytesMax) {
            return link_error(LinkErrc::protocol,
                              name_ +
                                  ": the login shell prints too much beside what our command "
                                  "says" +
                                  it_said(words()) + "; look at its start-up files");
        }
        if (after_invitation && sends_to_another_user(words())) {
            deadline = std::min(deadline, deadline_in(*after_invitation));
            after_invitation.reset();
        }
        // A read() ends by what is printed only, and the invitation may be on stderr.
        auto got = stream_.read(
            inbox_, after_invitation ? std::min(deadline, deadline_in(kLookTime)) : deadline);
        if (got.has_value()) continue;
        const bool looks_only = link_errc(got.error()) == LinkErrc::timeout &&
                                std::chrono::steady_clock::now() < deadline;
        if (!looks_only) return got.error();
    }
}

void HostTalk::hear_the_end(LinkDeadline deadline) {
    while (stream_.read(inbox_, deadline).has_value()) drop(inbox_.size());
}

HostWords HostTalk::words() const { return {printed_ + inbox_, stream_.last_words()}; }

bool HostTalk::heard_nothing() const {
    return host_line({printed_ + inbox_, std::string()}).empty();
}

}  // namespace zk::ssh
