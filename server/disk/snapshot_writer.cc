#include "disk/snapshot_writer.h"

#include <utility>

namespace zk::disk {

SnapshotThread::SnapshotThread(storage::Disk& disk,
                               storage::Paths paths,
                               DiskPort& port,
                               Log log,
                               storage::SnapshotName::Compression compression)
    : disk_(disk),
      paths_(std::move(paths)),
      port_(port),
      log_(std::move(log)),
      compression_(compression),
      thread_([this] { run(); }) {}

SnapshotThread::~SnapshotThread() { stop(); }

void SnapshotThread::begin(Zxid zxid, storage::SnapshotRole role) { post(Begin{zxid, role}); }
void SnapshotThread::write(Bytes chunk) { post(Write{std::move(chunk)}); }
void SnapshotThread::finish() { post(Finish{}); }
void SnapshotThread::abandon() { post(Abandon{}); }
void SnapshotThread::purge(int retain) { post(Purge{retain}); }
void SnapshotThread::dispose(std::unique_ptr<tree::DataTree> tree) {
    post(Dispose{std::move(tree)});
}

bool SnapshotThread::wants_more() const {
    const threads::Lock lock(mutex_);
    return queued_bytes_ < kQueueBytesMax;
}

void SnapshotThread::stop() {
    const threads::Lock one_at_a_time(stop_mutex_);
    {
        const threads::Lock lock(mutex_);
        stopping_ = true;
    }
    work_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void SnapshotThread::post(Step step) {
    {
        const threads::Lock lock(mutex_);
        if (stopping_) return;
        if (const auto* write = std::get_if<Write>(&step)) queued_bytes_ += write->chunk.size();
        queue_.push_back(std::move(step));
    }
    work_.notify_one();
}

// Takes all that is queued. False when stopping and nothing is left.
bool SnapshotThread::take(std::vector<Step>& steps) {
    steps.clear();
    bool was_full = false;
    {
        threads::Lock lock(mutex_);
        while (queue_.empty() && !stopping_) work_.wait(lock);
        if (queue_.empty()) return false;
        steps.swap(queue_);
        was_full = std::exchange(queued_bytes_, 0) >= kQueueBytesMax;
    }
    if (was_full) port_.snapshot_has_room();
    return true;
}

void SnapshotThread::run() {
    std::vector<Step> steps;
    while (take(steps)) {
        for (Step& step : steps) carry_out(step);
    }
    if (file_) (void)file_->abandon().has_value();
}

// After a failure the rest of the same snapshot is dropped: file_ is empty until the next Begin.
void SnapshotThread::carry_out(Step& step) {
    if (const auto* begin = std::get_if<Begin>(&step)) {
        if (file_) (void)file_->abandon().has_value();
        zxid_ = begin->zxid;
        const bool periodic = begin->role == storage::SnapshotRole::periodic;
        file_.emplace(disk_,
                      paths_.snapshots(),
                      begin->role,
                      periodic ? compression_ : storage::SnapshotName::Compression::none);
        stop_on_failure(file_->begin(zxid_));
    } else if (const auto* write = std::get_if<Write>(&step)) {
        if (file_) stop_on_failure(file_->write(write->chunk));
    } else if (std::holds_alternative<Finish>(step)) {
        if (!file_) return;
        stop_on_failure(file_->finish());
        if (!file_) return;
        file_.reset();
        port_.snapshot_told(SnapshotSaved{zxid_});
    } else if (std::holds_alternative<Abandon>(step)) {
        if (file_) (void)file_->abandon().has_value();
        file_.reset();
    } else if (const auto* purge = std::get_if<Purge>(&step)) {
        find_kept(purge->retain);
    } else if (auto* dispose = std::get_if<Dispose>(&step)) {
        dispose->tree.reset();
    }
}

void SnapshotThread::find_kept(int retain) {
    auto kept = storage::find_kept(disk_, paths_, retain);
    if (!kept.has_value()) return log_.warn("disk.purge_failed {}", kept.error().message());
    if (!kept->empty()) port_.snapshot_told(PurgeFound{*std::move(kept)});
}

void SnapshotThread::stop_on_failure(const Result<>& result) {
    if (result.has_value()) return;
    (void)file_->abandon().has_value();
    file_.reset();
    port_.snapshot_told(SnapshotFailed{zxid_, result.error().message()});
}

}  // namespace zk::disk
