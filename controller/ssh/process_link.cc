#include "ssh/process_link.h"

#include <algorithm>

#include "base/plain_line.h"

namespace zk::ssh {
namespace {

constexpr int kNotStarted = 126;  // of sh: the program is there and cannot be executed
constexpr std::size_t kLengthBytes = 4;
constexpr unsigned char kEscape = 0x1b;
constexpr unsigned char kDelete = 0x7f;
constexpr std::size_t kShownBytes = 300;
constexpr std::size_t kShownBefore = 100;
constexpr std::chrono::milliseconds kWordsTime{1000};  // from the first bytes to more

// Whether text came in place of a frame, or behind its length when the agent writes in pieces. The
// first byte of a frame is 0, and no type is a character; text of terminals has no 0.
bool is_text(ByteView came) {
    if (!came.starts_with('\0')) return true;
    const auto type =
        static_cast<unsigned char>(came.size() > kLengthBytes ? came[kLengthBytes] : '\0');
    return type == kEscape || (type >= ' ' && type < kDelete);
}

// Text that stands in place of a frame, up to where a frame may begin again.
std::string shown_of(ByteView came) {
    if (came.starts_with('\0')) came.remove_prefix(std::min(came.size(), kLengthBytes));
    came = came.substr(0, came.find('\0'));
    const bool all = came.size() <= kShownBytes;
    return plain_line(came.substr(0, kShownBytes)) + (all ? "" : "...");
}

// All that agents say is JSON, and never empty.
std::optional<std::size_t> broken_at(const agent_api::Message& message) {
    if (message.type == agent_api::MessageType::blob_chunk) return std::nullopt;
    return agent_api::broken_json_at(message.payload);
}

}  // namespace

ProcessLink::ProcessLink(std::string name,
                         std::unique_ptr<ProcessStream> stream,
                         LinkHello hello,
                         Bytes inbox,
                         std::string login_user)
    : name_(std::move(name)),
      stream_(std::move(stream)),
      hello_(std::move(hello)),
      inbox_(std::move(inbox)),
      login_user_(std::move(login_user)) {}

Result<> ProcessLink::send(agent_api::MessageType type, ByteView payload, LinkDeadline deadline) {
    if (stream_ == nullptr) return closed();
    const Bytes frame = agent_api::encode_frame(type, payload);
    auto sent = stream_->write(frame, inbox_, deadline);
    if (!sent.has_value()) return explain(sent.error());
    ++frames_sent_;
    return ok();
}

Result<agent_api::Message> ProcessLink::receive(LinkDeadline deadline) {
    while (true) {
        if (broken_) return *broken_;
        decoder_.feed(inbox_);
        inbox_.clear();
        auto message = decoder_.next();
        if (!message.has_value()) return not_a_frame(message.error(), deadline);
        if (message->has_value()) {
            if (const auto at = broken_at(**message)) return not_of_the_agent(**message, *at);
            ++frames_received_;
            return **std::move(message);
        }
        if (stream_ == nullptr) return closed();
        auto got = stream_->read(inbox_, deadline);
        // What came before the end is still delivered.
        if (!got.has_value() && inbox_.empty()) return explain(got.error());
    }
}

LinkCounters ProcessLink::counters() const {
    LinkCounters counters = stream_ == nullptr ? last_counters_ : stream_->counters();
    counters.frames_sent = frames_sent_;
    counters.frames_received = frames_received_;
    return counters;
}

void ProcessLink::close() {
    if (stream_ == nullptr) return;
    stream_->close();
    last_counters_ = stream_->counters();
    stream_ = nullptr;
}

// A process that goes on printing beside the agent is told from an agent of another release.
Error ProcessLink::not_a_frame(const Error& error, LinkDeadline deadline) {
    Bytes came(decoder_.refused());
    const bool text = is_text(came);
    const LinkDeadline end = std::min(deadline, deadline_in(kWordsTime));
    while (text && stream_ != nullptr && came.size() < kShownBytes &&
           came.find('\0') == Bytes::npos && stream_->read(came, end).has_value()) {
    }
    const std::string shown = shown_of(came);
    const auto status = stream_ == nullptr ? std::nullopt : stream_->exit_status();
    if (text && status.value_or(0) != 0) {
        // A start-up file that sends stderr to stdout: these are the last words of an agent.
        broken_ = ended_with(*status, shown);
    } else if (text && !login_user_.empty()) {
        broken_ = mixed(shown);
    } else {
        broken_ =
            link_error(LinkErrc::protocol,
                       name_ + ": the agent sent something that is not a frame (" + error.words +
                           ")" + (shown.empty() ? std::string() : "; it said: " + shown) +
                           "; are both of one release?");
    }
    return *broken_;
}

// What was printed while the agent wrote a frame is within it, and the frame's own end is missing.
Error ProcessLink::not_of_the_agent(const agent_api::Message& message, std::size_t at) {
    const std::size_t from = at - std::min(at, kShownBefore);
    const std::string shown = shown_of(ByteView(message.payload).substr(from));
    if (login_user_.empty()) {
        broken_ = link_error(LinkErrc::protocol,
                             name_ + ": the agent sent a message that cannot be read: " + shown +
                                 "; are both of one release?");
    } else {
        broken_ = mixed(shown);
    }
    return *broken_;
}

Error ProcessLink::mixed(const std::string& shown) const {
    return link_error(LinkErrc::protocol,
                      name_ + ": something prints between what the agent says: " + shown +
                          "; look in the start-up files of " + login_user_ +
                          "'s login shell for a process that they leave in the background, and "
                          "send its output to a file or to /dev/null");
}

Error ProcessLink::closed() const {
    return link_error(LinkErrc::closed, name_ + ": the link is closed");
}

// An agent that ended with an error or with words on stderr has failed; else the link just ended.
Error ProcessLink::explain(const Error& error) const {
    if (link_errc(error) != LinkErrc::closed) return error;
    const std::string words = plain_line(stream_->last_words());
    const auto status = stream_->exit_status();
    if (!status.has_value() || (*status == 0 && words.empty())) return error;
    return ended_with(*status, words);
}

Error ProcessLink::ended_with(int status, const std::string& words) const {
    if (frames_received_ == 0 && status == kNotStarted) {
        return link_error(LinkErrc::agent_failed,
                          name_ + ": the host does not let the agent's program run" +
                              (words.empty() ? std::string() : " (" + words + ")") +
                              "; a file system mounted noexec or a security policy forbids it: "
                              "name another directory with ssh.agent_dir in the inventory");
    }
    return link_error(LinkErrc::agent_failed,
                      name_ + ": the agent ended with status " + std::to_string(status) +
                          (words.empty() ? std::string() : "; it said: " + words));
}

}  // namespace zk::ssh
