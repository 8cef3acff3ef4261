#include "agent_serve/host_looks.h"

#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "asio_impl/await.h"
#include "threads/mutex.h"

namespace zk::agent_serve {
namespace {

namespace asio = boost::asio;
using asio_impl::kAwait;
using node_judge::Probe;
using Clock = std::chrono::steady_clock;

struct Question {
    Probe probe;
    agent_api::NodeSpec spec;
};

/// What comes of files, and of nothing else.
void take_files(Probe& to, const Probe& from) {
    to.current_epoch = from.current_epoch;
    to.myid = from.myid;
    to.data_disk = from.data_disk;
    to.log_disk = from.log_disk;
    to.storage = from.storage;
    to.drifts = from.drifts;
    to.agent_drift = from.agent_drift;
}

}  // namespace

/// Between the loop and the thread. The thread holds it, too: it may outlive the agent's other parts.
struct HostLooks::Shared {
    Shared(asio::io_context& io, LookAtFiles look_at)
        : look(std::move(look_at)), loop(&io), wake(std::make_shared<asio::steady_timer>(io)) {}

    static void run(const std::shared_ptr<Shared>& shared);
    void end_look(const threads::Lock&) ZK_REQUIRES(mutex) {
        busy = false;
        // The loop waits; without one nobody does.
        if (loop != nullptr) asio::post(*loop, [timer = wake] { timer->cancel(); });
    }

    const LookAtFiles look;  ///< the thread's
    threads::Mutex mutex;
    threads::Condition asked;
    std::optional<Question> question ZK_GUARDED_BY(mutex);
    std::optional<Probe> found ZK_GUARDED_BY(mutex);
    bool busy ZK_GUARDED_BY(mutex) = false;  ///< from a question to its answer
    bool ends ZK_GUARDED_BY(mutex) = false;
    Clock::time_point since ZK_GUARDED_BY(mutex);
    std::string at ZK_GUARDED_BY(mutex);
    asio::io_context* loop ZK_GUARDED_BY(mutex);  ///< null: it is gone, and the timer with it
    std::shared_ptr<asio::steady_timer> wake ZK_GUARDED_BY(mutex);
};

void HostLooks::Shared::run(const std::shared_ptr<Shared>& shared) {
    const AtPath at = [&shared](const std::string& path) {
        const threads::Lock lock(shared->mutex);
        shared->at = path;
    };
    for (;;) {
        Question now;
        {
            threads::Lock lock(shared->mutex);
            while (!shared->question && !shared->ends) shared->asked.wait(lock);
            if (shared->ends) return;
            now = *std::exchange(shared->question, std::nullopt);
        }
        shared->look(now.probe, now.spec, at);
        const threads::Lock lock(shared->mutex);
        shared->found = std::move(now.probe);
        shared->end_look(lock);
    }
}

HostLooks::HostLooks(asio::io_context& loop, MakeLook make) : loop_(loop), make_(std::move(make)) {}

HostLooks::~HostLooks() { forget(); }

HostLooks::LookAtFiles HostLooks::look() {
    auto files = std::make_shared<HostLook>();
    return [files](Probe& probe, const agent_api::NodeSpec& spec, const AtPath& at) {
        files->fill_files(probe, spec, at);
        files->fill_agent(probe, spec, at);
    };
}

void HostLooks::forget() {
    known_ = Probe();
    processes_ = HostLook();
    if (!shared_) return;
    {
        const threads::Lock lock(shared_->mutex);
        shared_->ends = true;
        shared_->loop = nullptr;
        shared_->wake.reset();
        shared_->asked.notify_one();
    }
    shared_.reset();
}

bool HostLooks::is_silent() const {
    if (!shared_) return false;
    const threads::Lock lock(shared_->mutex);
    return shared_->busy && Clock::now() - shared_->since >= kSilentAfter;
}

bool HostLooks::begin(const Probe& probe, const agent_api::NodeSpec& spec) {
    if (!shared_) {
        shared_ = std::make_shared<Shared>(loop_, make_());
        std::thread([shared = shared_] { Shared::run(shared); }).detach();
    }
    const threads::Lock lock(shared_->mutex);
    if (shared_->busy) return false;
    shared_->busy = true;
    shared_->since = Clock::now();
    // What came behind the patience of the look that asked for it: where each takes so long, nothing newer comes.
    if (shared_->found) known_ = *std::exchange(shared_->found, std::nullopt);
    shared_->question = Question{probe, spec};
    shared_->asked.notify_one();
    return true;
}

asio::awaitable<void> HostLooks::fill(Probe* probe,
                                      agent_api::NodeSpec spec,
                                      std::chrono::milliseconds patience) {
    processes_.fill_processes(*probe);
    const bool begun = begin(*probe, spec);
    const std::shared_ptr<Shared> shared = shared_;
    const auto until = begun ? Clock::now() + patience : Clock::time_point();
    for (;;) {
        std::shared_ptr<asio::steady_timer> wake;
        {
            const threads::Lock lock(shared->mutex);
            if (!shared->busy || Clock::now() >= until || shared->ends) break;
            wake = shared->wake;
        }
        // What the thread posts runs on this loop, so not before the wait has begun.
        wake->expires_at(until);
        co_await wake->async_wait(kAwait);
    }
    const threads::Lock lock(shared->mutex);
    if (shared->ends) co_return;  // there is another specification by now
    if (shared->found) known_ = *std::exchange(shared->found, std::nullopt);
    const auto silent = shared->busy ? Clock::now() - shared->since : Clock::duration(0);
    if (silent < kSilentAfter) {
        take_files(*probe, known_);
        co_return;
    }
    known_ = Probe();
    probe->data_disk.directory = spec.data_dir;
    probe->log_disk.directory = spec.log_dir;
    const auto silent_s = std::chrono::duration_cast<std::chrono::seconds>(silent).count();
    probe->silent_disk.emplace();
    probe->silent_disk->path = shared->at;
    probe->silent_disk->for_s = static_cast<std::uint64_t>(silent_s);
}

void look_once(Probe& probe, const agent_api::NodeSpec& spec) {
    const auto make = []() -> HostLooks::LookAtFiles {
        auto files = std::make_shared<HostLook>();
        return [files](Probe& to, const agent_api::NodeSpec& of, const AtPath& at) {
            files->fill_files(to, of, at);
        };
    };
    asio::io_context loop(1);
    HostLooks looks(loop, make);
    auto job = [&]() -> asio::awaitable<void> {
        co_await looks.fill(&probe, spec, HostLooks::kSilentAfter);
    };
    asio::co_spawn(loop, std::move(job), asio::detached);
    loop.run();
}

}  // namespace zk::agent_serve
