// A DiskPort made of functions; what a test leaves out is not heard.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "disk/disk_port.h"

namespace zk::disk {

class Told final : public DiskPort {
  public:
    void log_told(std::vector<storage::DiskEvent> events) override {
        if (on_log) on_log(std::move(events));
    }
    void snapshot_told(SnapshotEvent event) override {
        if (on_snapshot) on_snapshot(std::move(event));
    }
    void snapshot_has_room() override {
        if (on_room) on_room();
    }

    // Set before a thread is made.
    std::function<void(std::vector<storage::DiskEvent>)> on_log;
    std::function<void(SnapshotEvent)> on_snapshot;
    std::function<void()> on_room;
};

}  // namespace zk::disk
