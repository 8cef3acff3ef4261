// zkdata: looks at ZooKeeper's files without a server.
#include "zkdata_program/program.h"

int main(int argc, char** argv) { return zk::zkdata_program::run({argv + 1, argv + argc}); }
