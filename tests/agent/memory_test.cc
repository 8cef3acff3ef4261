#include "agent_host/memory.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;

/// Made files in the places of the kernel's.
class MemoryFiles : public ::testing::Test {
  protected:
    MemoryFiles() {
        char name[] = "/tmp/zkprov-memory-XXXXXX";
        dir_ = ::mkdtemp(name);
        places_ = {dir_ + "/proc", dir_ + "/cgroup"};
    }
    ~MemoryFiles() override { fs::remove_all(dir_); }
    void write(const std::string& name, const std::string& text) {
        const fs::path path = dir_ + "/" + name;
        fs::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    void cgroup(const std::string& path, const std::string& limit, const std::string& used) {
        write("cgroup" + path + "/memory.max", limit + "\n");
        write("cgroup" + path + "/memory.current", used + "\n");
        write("cgroup" + path + "/memory.stat", "anon 1\nfile 500\nkernel 7\n");
    }

    std::string dir_;
    MemoryPlaces places_;
};

TEST(MemoryText, Meminfo) {
    const auto memory = parse_meminfo(
        "MemTotal:        2014000 kB\nMemFree:          100000 kB\nMemAvailable:     702500 kB\n"
        "Buffers:           42424 kB\n");
    EXPECT_EQ(memory.total_bytes, 2014000ULL * 1024);
    EXPECT_EQ(memory.available_bytes, 702500ULL * 1024);
    // Kernels before 3.14 do not tell what is available, and free memory is not that.
    const auto old = parse_meminfo("MemTotal: 2014000 kB\nMemFree: 100000 kB\n");
    EXPECT_EQ(old.total_bytes, 2014000ULL * 1024);
    EXPECT_FALSE(old.available_bytes);
    for (const char* const odd : {"",
                                  "MemAvailable",
                                  "MemAvailable: kB",
                                  "MemAvailable: 5 MB",
                                  "MemAvailable: -5 kB",
                                  "MemAvailable: 18446744073709551615 kB"}) {
        EXPECT_FALSE(parse_meminfo(odd).available_bytes) << odd;
    }
}

TEST(MemoryText, PressureOfTheLastMinute) {
    EXPECT_EQ(parse_stalled_parts("some avg10=1.00 avg60=99.99 avg300=3.00 total=5\n"
                                  "full avg10=0.10 avg60=12.34 avg300=0.01 total=7\n"),
              1234U);
    EXPECT_EQ(parse_stalled_parts("full avg10=0.10 avg60=0.05 avg300=0.01 total=7"), 5U);
    EXPECT_EQ(parse_stalled_parts("full avg10=0.10 avg60=100.00 avg300=0.01 total=7"), 10000U);
    for (const char* const odd : {"",
                                  "some avg10=0.00 avg60=1.00 avg300=0.00 total=0\n",
                                  "full avg10=0.00 total=0\n",
                                  "full avg10=0.00 avg60=x.00 avg300=0",
                                  "full avg10=0.00 avg60=1 avg300=0",
                                  "full avg10=0.00 avg60=1.234 avg300=0",
                                  "full avg10=0.00 avg60=200.00 avg300=0"}) {
        EXPECT_FALSE(parse_stalled_parts(odd)) << odd;
    }
}

TEST(MemoryText, WhichCgroup) {
    EXPECT_EQ(parse_cgroup("0::/system.slice/zookeeper.service\n"),
              "/system.slice/zookeeper.service");
    EXPECT_EQ(parse_cgroup("5:memory:/old\n1:name=systemd:/x\n0::/\n"), "/");
    EXPECT_FALSE(parse_cgroup("5:memory:/system.slice\n4:cpu:/\n")) << "cgroup v1";
    EXPECT_FALSE(parse_cgroup("0::/../other.service\n")) << "outside of this container";
    EXPECT_FALSE(parse_cgroup(""));
}

TEST_F(MemoryFiles, WhatIsNotThereIsNotKnown) {
    EXPECT_FALSE(read_host_memory(places_).total_bytes);
    EXPECT_FALSE(read_host_memory(places_).available_bytes);
    EXPECT_FALSE(read_stalled_parts(places_));
    EXPECT_FALSE(read_memory_limit(7, places_));
    EXPECT_FALSE(read_memory_limit(0, places_));
    write("proc/7/cgroup", "0::/system.slice/zookeeper.service\n");
    EXPECT_FALSE(read_memory_limit(7, places_));
    // Without memory.stat nobody knows how much of it is page cache.
    write("cgroup/system.slice/zookeeper.service/memory.max", "1000\n");
    write("cgroup/system.slice/zookeeper.service/memory.current", "990\n");
    EXPECT_FALSE(read_memory_limit(7, places_));
}

TEST_F(MemoryFiles, AreRead) {
    write("proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 10 kB\n");
    write("proc/pressure/memory", "full avg10=0.00 avg60=3.50 avg300=0.00 total=1\n");
    EXPECT_EQ(read_host_memory(places_).available_bytes, 10240U);
    EXPECT_EQ(read_stalled_parts(places_), 350U);
}

TEST_F(MemoryFiles, TheLimitOfTheUnitWithoutWhatTheKernelTakesBack) {
    write("proc/7/cgroup", "0::/system.slice/zookeeper.service\n");
    cgroup("/system.slice/zookeeper.service", "1000", "990");
    write("cgroup/system.slice/zookeeper.service/memory.stat",
          "anon 200\nfile 700\ninactive_file 400\nactive_file 200\nslab_reclaimable 90\n"
          "slab_unreclaimable 5\n");
    const auto limit = read_memory_limit(7, places_);
    ASSERT_TRUE(limit);
    EXPECT_EQ(limit->cgroup, "/system.slice/zookeeper.service");
    EXPECT_EQ(limit->limit_bytes, 1000U);
    EXPECT_EQ(limit->used_bytes, 300U);
}

TEST_F(MemoryFiles, TheCgroupAroundItMayHaveLessLeft) {
    write("proc/7/cgroup", "0::/zk.slice/one.service/inner\n");
    cgroup("/zk.slice/one.service/inner", "max", "900");
    cgroup("/zk.slice/one.service", "100000", "950");
    cgroup("/zk.slice", "2000", "1900");
    EXPECT_EQ(read_memory_limit(7, places_)->cgroup, "/zk.slice");
    cgroup("/zk.slice", "max", "1900");
    EXPECT_EQ(read_memory_limit(7, places_)->cgroup, "/zk.slice/one.service");
    cgroup("/zk.slice/one.service", "max", "950");
    EXPECT_FALSE(read_memory_limit(7, places_)) << "none has a limit";
    // The root of a container's hierarchy may have one.
    cgroup("", "5000", "4000");
    EXPECT_EQ(read_memory_limit(7, places_)->cgroup, "/");
}

TEST_F(MemoryFiles, MoreThanTheLimitLeavesNothing) {
    write("proc/7/cgroup", "0::/a\n");
    cgroup("/a", "1000", "1500");
    EXPECT_EQ(read_memory_limit(7, places_)->used_bytes, 1500U);
}

TEST(Memory, OfThisHost) {
    // Only that the kernel's own files are understood; what they say is the host's affair.
    const auto memory = read_host_memory();
    ASSERT_TRUE(memory.total_bytes && memory.available_bytes);
    EXPECT_GT(*memory.total_bytes, *memory.available_bytes);
    EXPECT_LE(read_stalled_parts().value_or(0), 10000U);
}

}  // namespace
}  // namespace zk::agent_host
