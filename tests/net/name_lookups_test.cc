// Names that name servers are slow about: who waits for whom, and for how long.
#include "net/name_lookups.h"

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/error.hpp>
#include <gtest/gtest.h>

namespace zk::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

/// A name server of which each answer is given by the test.
struct Answers {
    std::mutex mutex;
    std::map<std::string, std::promise<std::string>> owed;
    std::map<std::string, int> asked;

    std::string wait(const std::string& host) {
        std::future<std::string> answer;
        {
            const std::lock_guard lock(mutex);
            ++asked[host];
            answer = owed[host].get_future();
        }
        return answer.get();
    }
    void give(const std::string& host, const std::string& address) {
        const std::lock_guard lock(mutex);
        owed[host].set_value(address);
        owed.erase(host);
    }
    int times(const std::string& host) {
        const std::lock_guard lock(mutex);
        return asked[host];
    }
};

class NameLookupsTest : public ::testing::Test {
  protected:
    NameLookupsTest() {
        NameLookups::of(*io_).ask([answers = answers_](const std::string& host, error_code& error) {
            const std::string text = answers->wait(host);
            if (!text.empty()) return NameLookups::Addresses{asio::ip::make_address(text)};
            error = asio::error::host_not_found;
            return NameLookups::Addresses();
        });
    }
    void find(const std::string& host, Duration patience = 20s) {
        NameLookups::of(*io_).find(
            host, patience, [this, host](error_code error, const auto& found) {
                heard_.push_back(host + " " +
                                 (error ? error.message() : found.front().to_string()));
            });
    }
    /// Runs until so many have been answered; what was heard since the last call.
    std::vector<std::string> hear(std::size_t count) {
        io_->restart();
        const auto until = std::chrono::steady_clock::now() + 20s;
        while (heard_.size() < count && std::chrono::steady_clock::now() < until)
            io_->run_one_for(10ms);
        return std::exchange(heard_, {});
    }
    void await_question(const std::string& host, int times) {
        for (int i = 0; i < 2000 && answers_->times(host) < times; ++i)
            std::this_thread::sleep_for(10ms);
        ASSERT_EQ(answers_->times(host), times);
    }

    std::shared_ptr<Answers> answers_ = std::make_shared<Answers>();
    std::unique_ptr<asio::io_context> io_ = std::make_unique<asio::io_context>();
    std::vector<std::string> heard_;
};
using Strings = std::vector<std::string>;

TEST_F(NameLookupsTest, NobodyWaitsBehindANameThatNobodyKnows) {
    find("silent");
    find("zk2");
    find("zk3");
    await_question("zk3", 1);
    answers_->give("zk3", "10.0.0.3");
    EXPECT_EQ(hear(1), Strings{"zk3 10.0.0.3"});
    await_question("zk2", 1);
    answers_->give("zk2", "10.0.0.2");
    EXPECT_EQ(hear(1), Strings{"zk2 10.0.0.2"});
    await_question("silent", 1);
    answers_->give("silent", "");
    EXPECT_EQ(hear(1), Strings{"silent Host not found (authoritative)"});
}

TEST_F(NameLookupsTest, NumbersAreNotAskedFor) {
    find("192.168.6.137");
    find("[fd00::137]");
    find("fd00::138");
    EXPECT_EQ(
        hear(3),
        (Strings{"192.168.6.137 192.168.6.137", "[fd00::137] fd00::137", "fd00::138 fd00::138"}));
    EXPECT_TRUE(answers_->asked.empty());
}

TEST_F(NameLookupsTest, ManyWhoAskAtOnceAskOnce) {
    find("zk1");
    find("zk1");
    await_question("zk1", 1);
    answers_->give("zk1", "10.0.0.1");
    EXPECT_EQ(hear(2), (Strings{"zk1 10.0.0.1", "zk1 10.0.0.1"}));
    EXPECT_EQ(answers_->times("zk1"), 1);
}

TEST_F(NameLookupsTest, WhatWasJustFoundIsNotAskedForAgain) {
    const auto began = std::chrono::steady_clock::now();
    find("zk1");
    await_question("zk1", 1);
    answers_->give("zk1", "10.0.0.1");
    EXPECT_EQ(hear(1), Strings{"zk1 10.0.0.1"});
    find("zk1", 10ms);
    EXPECT_EQ(hear(1), Strings{"zk1 10.0.0.1"});
    const bool fresh = std::chrono::steady_clock::now() - began < 1s;
    EXPECT_TRUE(!fresh || answers_->times("zk1") == 1);
}

TEST_F(NameLookupsTest, PatienceEndsAndTheAnswerCountsNextTime) {
    find("zk1", 10ms);
    EXPECT_EQ(hear(1), Strings{"zk1 Connection timed out"});
    await_question("zk1", 1);
    find("zk1");
    answers_->give("zk1", "10.0.0.1");
    EXPECT_EQ(hear(1), Strings{"zk1 10.0.0.1"});
    EXPECT_EQ(answers_->times("zk1"), 1) << "the first question was still open";
}

TEST_F(NameLookupsTest, AnOldAnswerStandsInForOneThatTakesTooLong) {
    find("zk1");
    await_question("zk1", 1);
    answers_->give("zk1", "10.0.0.1");
    EXPECT_EQ(hear(1), Strings{"zk1 10.0.0.1"});
    std::this_thread::sleep_for(1100ms);
    find("zk1", 10ms);
    EXPECT_EQ(hear(1), Strings{"zk1 10.0.0.1"});
    await_question("zk1", 2);
    find("zk1");
    answers_->give("zk1", "10.0.0.99");
    EXPECT_EQ(hear(1), Strings{"zk1 10.0.0.99"}) << "its address has changed";
}

TEST_F(NameLookupsTest, AnAnswerMayComeWhenNobodyIsThereAnyMore) {
    find("zk1");
    await_question("zk1", 1);
    io_.reset();
    answers_->give("zk1", "10.0.0.1");
    EXPECT_TRUE(heard_.empty());
}

TEST_F(NameLookupsTest, TheSystemKnowsThisHost) {
    io_ = std::make_unique<asio::io_context>();
    find("localhost");
    const Strings found = hear(1);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(found.front() == "localhost 127.0.0.1" || found.front() == "localhost ::1")
        << found.front();
}

}  // namespace
}  // namespace zk::net
