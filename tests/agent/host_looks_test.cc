// Files that hang: the agent's loop goes on, and says which one it is. The work is the test's own, so that it hangs for as
// long as the test wants.
#include "agent_serve/host_looks.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace zk::agent_serve {
namespace {

namespace asio = boost::asio;
using node_judge::Probe;

/// A disk that answers when it is let. A thread that hangs with it may outlive the test.
class Disk {
  public:
    ~Disk() { hang(false); }
    void hang(bool hangs) {
        const std::lock_guard lock(state_->mutex);
        state_->hangs = hangs;
        state_->changed.notify_all();
    }
    [[nodiscard]] std::uint64_t looks() const {
        const std::lock_guard lock(state_->mutex);
        return state_->looks;
    }
    [[nodiscard]] std::uint64_t answers() const {
        const std::lock_guard lock(state_->mutex);
        return state_->answers;
    }
    HostLooks::MakeLook maker() {
        return [this] {
            ++made_;
            return
                [state = state_](Probe& probe, const agent_api::NodeSpec& spec, const AtPath& at) {
                    at(spec.data_dir);
                    std::unique_lock lock(state->mutex);
                    const std::uint64_t look = ++state->looks;
                    state->changed.wait(lock, [&] { return !state->hangs; });
                    ++state->answers;
                    probe.data_disk.directory = spec.data_dir;
                    probe.data_disk.free_bytes = look;
                };
        };
    }
    int made_ = 0;

  private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        bool hangs = false;
        std::uint64_t looks = 0;
        std::uint64_t answers = 0;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

class FilesThatHang : public ::testing::Test {
  protected:
    FilesThatHang() { spec_.data_dir = spec_.log_dir = "/data"; }
    ~FilesThatHang() override { loop_.stop(); }
    /// A disk that answers has as long as a busy machine takes.
    Probe look(HostLooks& looks, std::chrono::milliseconds patience = std::chrono::seconds(60)) {
        auto probe = std::make_shared<Probe>();
        bool over = false;
        auto job = [&, probe]() -> asio::awaitable<void> {
            co_await looks.fill(probe.get(), spec_, patience);
            over = true;
        };
        asio::co_spawn(loop_, std::move(job), asio::detached);
        loop_.restart();
        while (!over && loop_.run_one() > 0) {
        }
        EXPECT_TRUE(over);
        return *probe;
    }
    /// What a look waits for it does not wait for again.
    Probe look_later(HostLooks& looks,
                     std::chrono::milliseconds patience = std::chrono::seconds(60)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return look(looks, patience);
    }

    Disk disk_;
    agent_api::NodeSpec spec_;
    asio::io_context loop_{1};
};

TEST_F(FilesThatHang, ADiskThatAnswersIsLookedAtEachTime) {
    HostLooks looks(loop_, disk_.maker());
    EXPECT_EQ(look(looks).data_disk.free_bytes, 1U);
    EXPECT_EQ(look(looks).data_disk.free_bytes, 2U);
    EXPECT_FALSE(looks.is_silent());
    EXPECT_EQ(disk_.made_, 1);
    looks.forget();
    EXPECT_EQ(look(looks).data_disk.free_bytes, 3U);
    EXPECT_EQ(disk_.made_, 2) << "what was remembered of another specification";
}

TEST_F(FilesThatHang, ASilentOneIsToldAndBelievedAgainOnceItAnswers) {
    HostLooks looks(loop_, disk_.maker());
    look(looks);
    disk_.hang(true);
    const Probe waiting = look(looks, HostLooks::kPatience);
    EXPECT_EQ(waiting.data_disk.free_bytes, 1U) << "for a moment it is as it was";
    EXPECT_FALSE(waiting.silent_disk);
    std::optional<Probe> silent;
    for (int i = 0; i < 10000 && !silent; ++i) {
        Probe probe = look_later(looks);
        EXPECT_NE(probe.now, Instant()) << "what is not of files is told all the same";
        if (probe.silent_disk) silent = std::move(probe);
    }
    ASSERT_TRUE(silent);
    EXPECT_EQ(silent->silent_disk->path, "/data");
    EXPECT_GE(silent->silent_disk->for_s, 3U);
    EXPECT_FALSE(silent->data_disk.free_bytes) << "what was is not what is";
    EXPECT_TRUE(looks.is_silent());
    EXPECT_EQ(disk_.looks(), 2U) << "one look hangs, no more";
    disk_.hang(false);
    Probe after = look(looks);
    for (int i = 0; i < 10000 && after.silent_disk; ++i) after = look_later(looks);
    EXPECT_FALSE(after.silent_disk);
    EXPECT_TRUE(after.data_disk.free_bytes);
    EXPECT_FALSE(looks.is_silent());
}

TEST_F(FilesThatHang, ASlowAnswerCountsWhenItComes) {
    HostLooks looks(loop_, disk_.maker());
    disk_.hang(true);
    EXPECT_FALSE(look(looks, HostLooks::kPatience).data_disk.free_bytes);
    disk_.hang(false);
    while (disk_.answers() == 0) std::this_thread::yield();
    // The answer came behind the patience of the look that asked; the next one takes too long as well.
    disk_.hang(true);
    Probe next = look_later(looks, HostLooks::kPatience);
    for (int i = 0; i < 100 && !next.data_disk.free_bytes; ++i) {
        next = look_later(looks, HostLooks::kPatience);
    }
    EXPECT_EQ(next.data_disk.free_bytes, 1U);
}

TEST_F(FilesThatHang, ASingleLookWaitsUntilItMaySayWhichOneItIs) {
    disk_.hang(true);
    HostLooks looks(loop_, disk_.maker());
    const Probe probe = look(looks, HostLooks::kSilentAfter);
    ASSERT_TRUE(probe.silent_disk);
    EXPECT_EQ(probe.silent_disk->path, "/data");
    disk_.hang(false);
}

// Its thread comes back when the agent's other parts are gone.
TEST_F(FilesThatHang, TheAgentEndsWithoutIt) {
    disk_.hang(true);
    {
        asio::io_context loop(1);
        HostLooks looks(loop, disk_.maker());
        auto probe = std::make_shared<Probe>();
        auto job = [&, probe]() -> asio::awaitable<void> {
            co_await looks.fill(probe.get(), spec_);
        };
        asio::co_spawn(loop, std::move(job), asio::detached);
        while (disk_.looks() == 0) loop.poll();
    }
    disk_.hang(false);
    // Another one with the same work shows that the thread has gone on.
    HostLooks looks(loop_, disk_.maker());
    EXPECT_TRUE(look(looks).data_disk.free_bytes);
}

TEST_F(FilesThatHang, AnotherSpecificationDoesNotWaitForIt) {
    HostLooks looks(loop_, disk_.maker());
    disk_.hang(true);
    EXPECT_FALSE(look(looks, HostLooks::kPatience).data_disk.free_bytes);
    disk_.hang(false);
    looks.forget();
    EXPECT_EQ(look(looks).data_disk.free_bytes, 2U);
    disk_.hang(false);
}

}  // namespace
}  // namespace zk::agent_serve
