#include "disk/log_thread.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <variant>

namespace zk::disk {
namespace {
std::size_t payload_bytes(const storage::DiskCommand& command) {
    const auto* append = std::get_if<storage::AppendTxn>(&command);
    return append == nullptr ? 0 : append->payload->size();
}
/// Such a batch ends with a sync of the log.
bool has_txn(const std::vector<storage::DiskCommand>& batch) {
    return std::any_of(batch.begin(), batch.end(), [](const storage::DiskCommand& command) {
        return std::holds_alternative<storage::AppendTxn>(command);
    });
}
}  // namespace

LogThread::LogThread(
    storage::Disk& disk, storage::Paths paths, LogThreadOptions options, DiskPort& port, Log log)
    : executor_(disk, std::move(paths), options.executor, log),
      options_(options),
      port_(port),
      log_(std::move(log)),
      thread_([this] { run(); }) {}

LogThread::~LogThread() { stop(); }

void LogThread::post(storage::DiskCommand command) {
    std::vector<storage::DiskCommand> commands;
    commands.push_back(std::move(command));
    post(commands);
}

void LogThread::post(std::vector<storage::DiskCommand>& commands) {
    if (commands.empty()) return;
    std::size_t bytes = 0;
    for (const storage::DiskCommand& command : commands) bytes += payload_bytes(command);
    {
        threads::Lock lock(mutex_);
        while (queued_bytes_ >= options_.queued_bytes_max && !stopping_) space_.wait(lock);
        if (!stopping_) {
            queued_bytes_ += bytes;
            std::move(commands.begin(), commands.end(), std::back_inserter(queue_));
        }
    }
    commands.clear();
    work_.notify_one();
}

void LogThread::stop() {
    const threads::Lock one_at_a_time(stop_mutex_);
    {
        const threads::Lock lock(mutex_);
        stopping_ = true;
    }
    work_.notify_one();
    space_.notify_all();
    if (thread_.joinable()) thread_.join();
}

std::size_t LogThread::queued_bytes() const {
    const threads::Lock lock(mutex_);
    return queued_bytes_;
}

SyncStatistics LogThread::syncs() const {
    const threads::Lock lock(mutex_);
    SyncStatistics syncs = syncs_;
    if (sync_began_) {
        syncs.pending =
            std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - *sync_began_);
    }
    return syncs;
}

void LogThread::note_sync(Duration took) {
    const threads::Lock lock(mutex_);
    sync_began_.reset();
    syncs_.shortest = syncs_.count == 0 ? took : std::min(syncs_.shortest, took);
    syncs_.longest = std::max(syncs_.longest, took);
    syncs_.total += took;
    ++syncs_.count;
    if (took > options_.slow_batch) ++syncs_.slow;
}

// Takes what is queued, at most a batch. False when stopping and nothing is left.
bool LogThread::take(std::vector<storage::DiskCommand>& batch) {
    threads::Lock lock(mutex_);
    while (queue_.empty() && !stopping_) work_.wait(lock);
    if (queue_.empty()) return false;
    if (queue_.size() <= options_.batch_max) {
        batch.swap(queue_);
        queued_bytes_ = 0;
    } else {
        const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(options_.batch_max);
        std::move(queue_.begin(), end, std::back_inserter(batch));
        queue_.erase(queue_.begin(), end);
        for (const storage::DiskCommand& command : batch) queued_bytes_ -= payload_bytes(command);
    }
    if (has_txn(batch)) sync_began_ = std::chrono::steady_clock::now();
    lock.unlock();
    space_.notify_all();
    return true;
}

void LogThread::run() {
    std::vector<storage::DiskCommand> batch;
    while (take(batch)) {
        std::vector<storage::DiskEvent> events;
        const bool syncs = has_txn(batch);  // the executor takes it apart
        const auto begin = std::chrono::steady_clock::now();
        executor_.execute(batch, events);
        const auto took =
            std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin);
        if (syncs) note_sync(took);
        if (took > options_.slow_batch) log_.warn("disk.slow_batch took_ms={}", to_ms(took));
        if (!events.empty()) port_.log_told(std::move(events));
    }
}

}  // namespace zk::disk
