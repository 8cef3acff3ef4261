#include "zkload/load.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <unistd.h>

#include <sys/epoll.h>

#include "zkload/fail.h"

namespace zk::load {
namespace {

/// Nothing answered for so long: the servers are stuck, or there is no leader.
constexpr int kSilenceMs = 30000;

class Run {
  public:
    Run(const Options& options, const std::vector<Endpoint>& at);
    ~Run() { ::close(epoll_); }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// One stage, until every session has all its answers.
    void finish(Stage stage);
    Measured measure();

  private:
    void begin(Stage stage);
    /// Waits for answers once; gives their number. `counted`: latencies go to the sessions'
    /// tallies.
    int turn(bool counted);
    void watch(std::size_t index);
    [[nodiscard]] bool idle() const;
    void drain();
    void start(Measured& measured);
    void end(Measured& measured);

    const Options& options_;
    int epoll_;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::vector<bool> watched_for_write_;
    std::vector<Tally> tallies_;
    std::vector<CpuMeter> meters_;
    std::vector<CpuReading> before_;
    std::int64_t own_before_ns_ = 0;
    std::int64_t began_ns_ = 0;
};

// Of a fixed length, so that requests of two runs are of equal size.
std::string run_path() {
    char text[32];
    std::snprintf(text,
                  sizeof text,
                  "/zkload-%08x%04x",
                  static_cast<unsigned>(::time(nullptr)),
                  static_cast<unsigned>(::getpid()) & 0xffff);
    return text;
}

Run::Run(const Options& options, const std::vector<Endpoint>& at)
    : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    const std::string path = run_path();
    for (int i = 0; i < options.sessions; ++i) {
        const Endpoint& server = at[static_cast<std::size_t>(i) % at.size()];
        sessions_.push_back(std::make_unique<Session>(options, i, server, path));
        sessions_.back()->send_handshake();
    }
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        sessions_[i]->finish_handshake();
        epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, sessions_[i]->fd(), &event) != 0) {
            fail(std::string("epoll: ") + std::strerror(errno));
        }
    }
    watched_for_write_.resize(sessions_.size());
    tallies_.resize(sessions_.size());
    for (const pid_t pid : options.pids) meters_.emplace_back(pid);
}

void Run::begin(Stage stage) {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        sessions_[i]->begin(stage);
        sessions_[i]->fill(now_ns());
        watch(i);
    }
}

void Run::watch(std::size_t index) {
    if (sessions_[index]->fd() < 0) return;
    const bool write = sessions_[index]->wants_to_write();
    if (write == watched_for_write_[index]) return;
    watched_for_write_[index] = write;
    epoll_event event{.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.u64 = index}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, sessions_[index]->fd(), &event) != 0) {
        fail(std::string("epoll: ") + std::strerror(errno));
    }
}

int Run::turn(bool counted) {
    std::array<epoll_event, 256> events{};
    const int count =
        ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kSilenceMs);
    if (count < 0 && errno != EINTR) fail(std::string("epoll: ") + std::strerror(errno));
    if (count == 0) fail("no answer for " + std::to_string(kSilenceMs / 1000) + " s");
    int answers = 0;
    for (int i = 0; i < count; ++i) {
        const std::size_t index = events[static_cast<std::size_t>(i)].data.u64;
        if ((events[static_cast<std::size_t>(i)].events & EPOLLOUT) != 0) sessions_[index]->flush();
        answers += sessions_[index]->receive(counted ? &tallies_[index] : nullptr);
        watch(index);
    }
    return answers;
}

bool Run::idle() const {
    for (const auto& session : sessions_) {
        if (!session->idle()) return false;
    }
    return true;
}

void Run::drain() {
    while (!idle()) turn(false);
}

void Run::finish(Stage stage) {
    begin(stage);
    drain();
}

Measured Run::measure() {
    Measured measured;
    const auto ns = [](double seconds) { return static_cast<std::int64_t>(seconds * 1e9); };
    const std::int64_t warm_until = now_ns() + ns(options_.warmup_s);
    if (options_.warmup_s == 0) start(measured);
    begin(Stage::load);
    while (options_.warmup_s > 0 && now_ns() < warm_until) turn(false);
    if (options_.warmup_s > 0) start(measured);

    std::int64_t operations = 0;
    const std::int64_t until = began_ns_ + ns(options_.seconds);
    while (options_.count > 0 ? operations < options_.count : now_ns() < until)
        operations += turn(true);
    end(measured);
    for (auto& session : sessions_) session->stop();
    drain();
    return measured;
}

void Run::start(Measured& measured) {
    measured.servers.resize(meters_.size());
    before_.clear();
    for (const CpuMeter& meter : meters_) before_.push_back(meter.read());
    own_before_ns_ = own_cpu_ns();
    began_ns_ = now_ns();
}

void Run::end(Measured& measured) {
    measured.seconds = static_cast<double>(now_ns() - began_ns_) / 1e9;
    measured.own_us = static_cast<double>(own_cpu_ns() - own_before_ns_) / 1e3;
    for (std::size_t i = 0; i < meters_.size(); ++i) {
        const CpuReading after = meters_[i].read();
        measured.servers[i] = {.pid = meters_[i].pid(),
                               .us = static_cast<double>(after.ns - before_[i].ns) / 1e3,
                               .error_us = meters_[i].error_us(),
                               .user_ticks = after.user_ticks - before_[i].user_ticks,
                               .system_ticks = after.system_ticks - before_[i].system_ticks};
    }
    measured.sessions = tallies_;
    for (const Tally& tally : tallies_) {
        measured.total.reads.merge(tally.reads);
        measured.total.writes.merge(tally.writes);
    }
}

}  // namespace

Measured run(const Options& options, const std::vector<Endpoint>& at) {
    Run run(options, at);
    run.finish(Stage::found);
    run.finish(Stage::prepare);
    Measured measured = run.measure();
    run.finish(Stage::clean);
    run.finish(Stage::raze);
    run.finish(Stage::close);
    return measured;
}

}  // namespace zk::load
