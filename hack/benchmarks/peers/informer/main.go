// A client-go informer over one recorded list and stream, for comparison with ours.
//
// It keeps what ours keeps (through SetTransform), has a namespace index and a handler that puts
// each key into a work queue which one worker empties. It prints one JSON object: CPU seconds and
// private dirty memory of this process before the list, after it, and after the last event.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const selector = "models.ome/basemodel-status=true"

type moment struct {
	CPU       float64 `json:"cpu"`
	Memory    int64   `json:"memory"`
	Unsettled int64   `json:"unsettled"`
	Wall      float64 `json:"wall"`
}

func main() {
	server := flag.String("server", "", "URL of the recorded server")
	ca := flag.String("ca", "", "file of its certificate")
	form := flag.String("form", "typed", "typed or dynamic")
	whole := flag.Bool("whole", false, "keep everything but managed fields")
	stream := flag.Bool("stream", true, "wait for the end of the stream")
	namespace := flag.String("namespace", "ome", "namespace of the ConfigMaps")
	flag.Parse()

	config := &rest.Config{
		Host: *server, QPS: -1,
		// JSON on both sides: the recorded stream is what an API server sends for it.
		ContentConfig:   rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"},
		TLSClientConfig: rest.TLSClientConfig{CAFile: *ca},
	}
	informer := build(config, *form, *namespace)
	must(informer.SetTransform(transform(*whole)))

	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	finished := make(chan struct{})
	var once sync.Once
	enqueue := func(obj any) {
		key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(obj)
		must(err)
		queue.Add(key)
		if strings.HasSuffix(key, "/zz-end") {
			once.Do(func() { close(finished) })
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, obj any) { enqueue(obj) },
		DeleteFunc: enqueue,
	})
	must(err)
	go func() {
		for {
			key, shutdown := queue.Get()
			if shutdown {
				return
			}
			queue.Forget(key)
			queue.Done(key)
		}
	}()

	before := now()
	stop := make(chan struct{})
	go informer.Run(stop)
	if !cache.WaitForCacheSync(stop, informer.HasSynced) {
		panic("not in sync")
	}
	listed := now()
	objects := len(informer.GetStore().ListKeys())
	ended := listed
	if *stream {
		<-finished
		ended = now()
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"before": before, "listed": listed, "ended": ended, "objects": objects,
	}))
}

func build(config *rest.Config, form, namespace string) cache.SharedIndexInformer {
	tweak := func(options *metav1.ListOptions) { options.LabelSelector = selector }
	if form == "dynamic" {
		client, err := dynamic.NewForConfig(config)
		must(err)
		resource := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
		return dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, namespace, tweak).
			ForResource(resource).Informer()
	}
	client, err := kubernetes.NewForConfig(config)
	must(err)
	return informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithNamespace(namespace), informers.WithTweakListOptions(tweak)).
		Core().V1().ConfigMaps().Informer()
}

// transform keeps what our projection keeps; the whole form drops managed fields only.
func transform(whole bool) cache.TransformFunc {
	return func(obj any) (any, error) {
		switch held := obj.(type) {
		case *corev1.ConfigMap:
			held.ManagedFields = nil
			if !whole {
				held.BinaryData, held.Immutable, held.TypeMeta = nil, nil, metav1.TypeMeta{}
			}
		case *unstructured.Unstructured:
			held.SetManagedFields(nil)
			if !whole {
				delete(held.Object, "binaryData")
				delete(held.Object, "immutable")
			}
		}
		return obj, nil
	}
}

func now() moment {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	cpu := seconds(usage.Utime) + seconds(usage.Stime)
	wall := float64(time.Now().UnixNano()) / 1e9
	// Not part of the work that is measured: it comes after the CPU time was read.
	unsettled := privateDirty()
	runtime.GC()
	debug.FreeOSMemory()
	return moment{CPU: cpu, Memory: privateDirty(), Unsettled: unsettled, Wall: wall}
}

func seconds(value syscall.Timeval) float64 {
	return float64(value.Sec) + float64(value.Usec)/1e6
}

func privateDirty() int64 {
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	must(err)
	for _, line := range strings.Split(string(text), "\n") {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "Private_Dirty: %d kB", &kilobytes); err == nil {
			return kilobytes * 1024
		}
	}
	return 0
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
