// A stream over loopback; the other end is a socket that the test holds. Every wait has a bound.
#include "net/plain_stream.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

class PlainStreamTest : public testing::Test {
  protected:
    struct User final : StreamUser {
        void on_readable() override {
            ++readable;
            if (when_readable) when_readable();
        }
        void on_writable() override { ++writable; }
        int readable = 0;
        int writable = 0;
        std::function<void()> when_readable;
    };

    PlainStreamTest() {
        tcp::acceptor acceptor(io_, {asio::ip::address_v4::loopback(), 0});
        other_.connect(acceptor.local_endpoint());
        stream_ = plain_stream(acceptor.accept(), {});
    }
    bool run_until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (!done() && std::chrono::steady_clock::now() < end) {
            io_.restart();
            io_.run_for(1ms);
        }
        return done();
    }
    void say(const std::string& text) { asio::write(other_, asio::buffer(text)); }
    /// Waits once, then reads all that is there in pieces of `piece`.
    std::string read_once(std::size_t piece = 4096) {
        const int before = user_->readable;
        stream_->await_readable(user_);
        EXPECT_TRUE(run_until([&] { return user_->readable > before; }));
        std::string all;
        while (true) {
            std::vector<char> buffer(piece);
            const Stream::Moved moved = stream_->read(buffer);
            all.append(buffer.data(), moved.bytes);
            last_ = moved;
            if (moved.error) return all;
        }
    }

    asio::io_context io_;
    tcp::socket other_{io_};
    std::unique_ptr<Stream> stream_;
    std::shared_ptr<User> user_ = std::make_shared<User>();
    Stream::Moved last_;
};

// clientTcpKeepAlive
TEST(PlainStream, IsKeptAliveWhereThatIsAskedFor) {
    for (const bool asked : {false, true}) {
        asio::io_context io;
        tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
        tcp::socket other(io);
        other.connect(acceptor.local_endpoint());
        tcp::socket socket = acceptor.accept();
        const int handle = socket.native_handle();
        const auto stream = plain_stream(std::move(socket), {.keep_alive = asked});
        int kept = -1;
        socklen_t size = sizeof kept;
        ASSERT_EQ(::getsockopt(handle, SOL_SOCKET, SO_KEEPALIVE, &kept, &size), 0);
        EXPECT_EQ(kept != 0, asked);
    }
}

TEST_F(PlainStreamTest, KnowsItsEnds) {
    EXPECT_EQ(stream_->remote(), other_.local_endpoint());
    EXPECT_EQ(stream_->local(), other_.remote_endpoint().address());
}

// A wait reads ahead so many bytes as most requests have: less, as many, more, and many times more.
TEST_F(PlainStreamTest, EachByteIsReadOnceAndInOrder) {
    for (const std::size_t size : {1, 40, 63, 64, 65, 511, 512, 513, 1024, 100'000}) {
        for (const std::size_t piece : {1, 100, 512, 65536}) {
            std::string text(size, ' ');
            for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
            say(text);
            std::string all;
            while (all.size() < size) {
                const std::string more = read_once(piece);
                ASSERT_FALSE(more.empty());
                ASSERT_TRUE(last_.later());
                all += more;
            }
            EXPECT_EQ(all, text) << size << " in pieces of " << piece;
        }
    }
}

// Behind many short ones in a row there is less room ahead, behind a longer one there is more.
TEST_F(PlainStreamTest, ReadsAheadAsMuchAsComes) {
    std::size_t size = 1;
    for (int i = 0; i < 400; ++i) {
        size = i % 25 == 0 ? 60 + size * 7 % 600 : 1 + size * 5 % 64;
        std::string text(size, static_cast<char>('a' + i % 23));
        say(text);
        std::string all;
        while (all.size() < size) all += read_once(1 + static_cast<std::size_t>(i) % 300);
        ASSERT_EQ(all, text) << i;
    }
}

TEST_F(PlainStreamTest, WhatWasNotReadIsToldAgainWithoutNewBytes) {
    say("abc");
    stream_->await_readable(user_);
    ASSERT_TRUE(run_until([&] { return user_->readable == 1; }));
    EXPECT_EQ(read_once(), "abc");
}

TEST_F(PlainStreamTest, BytesThatCameBeforeTheEndAreReadBeforeIt) {
    for (const std::size_t size : {3, 512, 5000}) {
        asio::io_context own;
        tcp::acceptor acceptor(io_, {asio::ip::address_v4::loopback(), 0});
        tcp::socket other(own);
        other.connect(acceptor.local_endpoint());
        stream_ = plain_stream(acceptor.accept(), {});
        asio::write(other, asio::buffer(std::string(size, 'x')));
        other.close();
        std::string all;
        while (!last_.error || last_.later()) all += read_once();
        EXPECT_EQ(all.size(), size);
        EXPECT_EQ(last_.error, asio::error::eof);
        EXPECT_EQ(read_once(), "") << "and the end stays";
        EXPECT_EQ(last_.error, asio::error::eof);
        last_ = {};
    }
}

TEST_F(PlainStreamTest, NobodyIsCalledAfterTheEndOfTheStream) {
    for (const bool destroyed : {false, true}) {
        stream_->await_readable(user_);
        stream_->await_writable(user_);
        say("x");
        std::this_thread::sleep_for(10ms);  // both are due now
        if (destroyed) {
            stream_.reset();
        } else {
            stream_->close();
        }
        io_.restart();
        io_.run_for(20ms);
        EXPECT_EQ(user_->readable, 0);
        EXPECT_EQ(user_->writable, 0);
        tcp::acceptor acceptor(io_, {asio::ip::address_v4::loopback(), 0});
        other_ = tcp::socket(io_);
        other_.connect(acceptor.local_endpoint());
        stream_ = plain_stream(acceptor.accept(), {});
    }
}

TEST_F(PlainStreamTest, MayEndWithinItsOwnCall) {
    user_->when_readable = [this] { stream_.reset(); };
    stream_->await_readable(user_);
    say("x");
    EXPECT_TRUE(run_until([&] { return stream_ == nullptr; }));
}

TEST_F(PlainStreamTest, WritesPiecesAsFarAsTheyGoAndGoesOn) {
    std::vector<std::string> texts;
    for (int i = 0; i < 40; ++i)
        texts.emplace_back(100'000 + static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
    std::string expected;
    for (const std::string& text : texts) expected += text;
    std::string sent;
    std::string received;
    std::size_t waits = 0;
    other_.non_blocking(true);
    const auto receive = [&] {
        std::vector<char> buffer(1 << 16);
        boost::system::error_code error;
        received.append(buffer.data(), other_.read_some(asio::buffer(buffer), error));
    };
    std::size_t done = 0;
    while (done < expected.size()) {
        std::vector<ByteView> pieces;
        std::size_t skipped = done;
        for (const std::string& text : texts) {
            if (skipped >= text.size()) {
                skipped -= text.size();
                continue;
            }
            pieces.push_back(ByteView(text).substr(skipped));
            skipped = 0;
        }
        const Stream::Moved moved = stream_->write(pieces);
        done += moved.bytes;
        if (!moved.later()) continue;
        ++waits;
        const int before = user_->writable;
        stream_->await_writable(user_);
        ASSERT_TRUE(run_until([&] {
            receive();
            return user_->writable > before;
        }));
    }
    EXPECT_GT(waits, 0U);
    ASSERT_TRUE(run_until([&] {
        receive();
        return received.size() >= expected.size();
    }));
    EXPECT_EQ(received, expected);
}

TEST_F(PlainStreamTest, TheOtherSideReadsToTheEnd) {
    const ByteView text = "last words";
    EXPECT_EQ(stream_->write({&text, 1}).bytes, text.size());
    stream_->end_writing();
    std::string received;
    boost::system::error_code error;
    while (!error) {
        char buffer[100];
        received.append(buffer, other_.read_some(asio::buffer(buffer), error));
    }
    EXPECT_EQ(received, text);
    EXPECT_EQ(error, asio::error::eof);
    say("still heard");
    EXPECT_EQ(read_once(), "still heard");
}

}  // namespace
}  // namespace zk::net
