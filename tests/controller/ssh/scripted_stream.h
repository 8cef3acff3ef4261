// A host that says what a test wrote down, in the pieces that the test cut it into.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "ssh/stream.h"

namespace zk::ssh::test {

class ScriptedStream final : public ProcessStream {
  public:
    ScriptedStream() = default;
    explicit ScriptedStream(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}

    void say(std::string piece) { pieces_.push_back(std::move(piece)); }
    /// Said on stderr from the start.
    void complain(std::string words) { complained_ = std::move(words); }
    /// After the pieces the program ends; without this it stays silent.
    void end_with(int status) { status_ = status; }
    [[nodiscard]] const std::string& heard() const { return heard_; }

    Result<> write(ByteView data, Bytes&, LinkDeadline) override {
        heard_ += data;
        return ok();
    }
    Result<> read(Bytes& inbox, LinkDeadline deadline) override {
        if (!pieces_.empty()) {
            inbox += pieces_.front();
            pieces_.pop_front();
            return ok();
        }
        if (status_) {
            ended_ = true;
            return link_error(LinkErrc::closed, "host: the agent ended the link");
        }
        std::this_thread::sleep_until(deadline);
        return link_error(LinkErrc::timeout, "host: no answer from the agent");
    }
    [[nodiscard]] std::string last_words() const override { return complained_; }
    [[nodiscard]] std::optional<int> exit_status() const override {
        return ended_ ? status_ : std::nullopt;
    }
    [[nodiscard]] LinkCounters counters() const override { return {}; }
    void close() override {}

  private:
    std::deque<std::string> pieces_;
    std::string complained_;
    std::optional<int> status_;
    bool ended_ = false;
    std::string heard_;
};

/// In pieces of one byte.
inline std::deque<std::string> byte_by_byte(const std::string& text) {
    std::deque<std::string> pieces;
    for (const char byte : text) pieces.emplace_back(1, byte);
    return pieces;
}

/// A deadline that has come: what is there is taken, nothing is waited for.
inline LinkDeadline now_or_never() { return deadline_in(std::chrono::milliseconds(0)); }

inline testing::AssertionResult says(const Error& error, std::string_view words) {
    if (error.words.find(words) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "\"" << words << "\" is not in: " << error.words;
}

}  // namespace zk::ssh::test
